// Time to end well: work that must not stop in the middle (tags) gets a signal that follows the run's own one late.
import { setMaxListeners } from 'node:events';

/** Runs `work` under a signal that aborts `graceMs` after `signal` has aborted, not with it. */
export async function withGrace<Result>(
  signal: AbortSignal,
  graceMs: number,
  work: (graceful: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const late = new AbortController();
  setMaxListeners(0, late.signal);
  let timer: NodeJS.Timeout | undefined;
  const startGrace = (): void => {
    timer = setTimeout(() => {
      late.abort(signal.reason);
    }, graceMs);
  };
  if (signal.aborted) startGrace();
  else signal.addEventListener('abort', startGrace, { once: true });
  try {
    return await work(late.signal);
  } finally {
    signal.removeEventListener('abort', startGrace);
    clearTimeout(timer);
  }
}
