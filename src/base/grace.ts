// Time to end well: work that must not stop in the middle (tags) gets a signal that follows the run's own one late.
import { setMaxListeners } from 'node:events';

/**
 * Runs `work` under a signal that aborts `graceMs` after `signal` has aborted, not with it.
 *
 * @param limitMs the signal aborts after so long in any case
 */
export async function withGrace<Result>(
  signal: AbortSignal,
  graceMs: number,
  work: (graceful: AbortSignal) => Promise<Result>,
  limitMs?: number,
): Promise<Result> {
  const late = new AbortController();
  setMaxListeners(0, late.signal);
  const timers: NodeJS.Timeout[] = [];
  const abortAfter = (milliseconds: number, reason: () => unknown): void => {
    timers.push(setTimeout(() => late.abort(reason()), milliseconds));
  };
  const startGrace = (): void => abortAfter(graceMs, () => signal.reason);
  if (signal.aborted) startGrace();
  else signal.addEventListener('abort', startGrace, { once: true });
  if (limitMs !== undefined) abortAfter(limitMs, () => new Error(`not done within ${String(limitMs / 1000)} s`));
  try {
    return await work(late.signal);
  } finally {
    signal.removeEventListener('abort', startGrace);
    for (const timer of timers) clearTimeout(timer);
  }
}
