// Counts of steps for those who watch their caches, in the form of drone-buildx.

/** How one step of a build ended. */
export interface StepEnd {
  /** As in the log (`#3`). */
  readonly number: number;
  readonly status: 'DONE' | 'CACHED' | 'ERROR' | 'CANCELED';
  readonly milliseconds: number;
}

/** The text of the file. */
export function formatCacheMetrics(steps: readonly StepEnd[]): string {
  const count = (status: StepEnd['status']): number => steps.filter((step) => step.status === status).length;
  const layers = steps.map(({ number, status, milliseconds }) => [
    String(number),
    { status, time: Number((milliseconds / 1000).toFixed(2)) },
  ]);
  return JSON.stringify(
    {
      total_layers: steps.length,
      done: count('DONE'),
      cached: count('CACHED'),
      error: count('ERROR'),
      canceled: count('CANCELED'),
      layers: Object.fromEntries(layers) as Readonly<Record<string, unknown>>,
    },
    undefined,
    '\t',
  );
}
