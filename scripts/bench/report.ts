// Samples -> medians, ratios and a table. The median of few runs is robust against the one that the machine disturbed; the range
// beside it shows how much it was disturbed.
import type { Case, Sample, Tool } from './measure.ts';

export interface ToolSummary {
  readonly medianMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Highest of all runs. */
  readonly peakRssKb: number;
}

/** One question, both answers. */
export interface CaseSummary extends Case {
  readonly runs: number;
  readonly plugin: ToolSummary;
  readonly buildx: ToolSummary;
  /** Median of the plugin divided by that of buildx: below 1, the plugin is faster. */
  readonly ratio: number;
}

/** One summary for each question, in the order in which they were asked. */
export function summarise(samples: readonly Sample[]): readonly CaseSummary[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = `${sample.engine} ${sample.what}`;
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const plugin = summariseTool(group, 'plugin');
    const buildx = summariseTool(group, 'buildx');
    return [
      {
        bench: first.bench,
        engine: first.engine,
        what: first.what,
        runs: group.length / 2,
        plugin,
        buildx,
        ratio: Math.round((plugin.medianMs / buildx.medianMs) * 100) / 100,
      },
    ];
  });
}

function summariseTool(group: readonly Sample[], tool: Tool): ToolSummary {
  const samples = group.filter((sample) => sample.tool === tool);
  const times = samples.map(({ ms }) => ms);
  return {
    medianMs: median(times),
    fromMs: Math.min(...times),
    toMs: Math.max(...times),
    peakRssKb: Math.max(...samples.map(({ peakRssKb }) => peakRssKb)),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : Math.round(((sorted[middle - 1] ?? Number.NaN) + upper) / 2);
}

/** The summaries as a table for people. */
export function table(summaries: readonly CaseSummary[]): string {
  const head = ['engine', 'what', 'plugin (median, range)', 'buildx (median, range)', 'ratio', 'peak memory'];
  const rows = summaries.map((summary) => [
    summary.engine,
    summary.what,
    times(summary.plugin),
    times(summary.buildx),
    summary.ratio.toFixed(2),
    `${megabytes(summary.plugin)} / ${megabytes(summary.buildx)} MB`,
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  return [head, ...rows]
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

function times({ medianMs, fromMs, toMs }: ToolSummary): string {
  return `${seconds(medianMs)} (${seconds(fromMs)} to ${seconds(toMs)})`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function megabytes({ peakRssKb }: ToolSummary): number {
  return Math.round((peakRssKb * 1024) / 1e6);
}
