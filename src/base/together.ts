// Two things at the same time under one abort: the failure of one stops the other, and nothing goes on behind the back of
// whoever waits for both.
import { setMaxListeners } from 'node:events';

/**
 * Runs both and waits until both have ended.
 *
 * @returns both results; else throws the failure that came first
 */
export async function together<First, Second>(
  first: (signal: AbortSignal) => Promise<First>,
  second: (signal: AbortSignal) => Promise<Second>,
  signal: AbortSignal,
): Promise<readonly [First, Second]> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  setMaxListeners(0, either);
  const guarded = async <Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> => {
    try {
      return await work(either);
    } catch (error) {
      // Only the first abort counts.
      failure.abort(error);
      throw error;
    }
  };
  const [one, other] = await Promise.allSettled([guarded(first), guarded(second)]);
  if (one.status === 'fulfilled' && other.status === 'fulfilled') return [one.value, other.value];
  throw failure.signal.reason;
}
