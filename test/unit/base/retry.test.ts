import { describe, expect, it } from 'vitest';
import {
  type Clock,
  defaultRetryLimits,
  Retrier,
  type RetryLimits,
  type Task,
  type Verdict,
} from '../../../src/base/retry.ts';

const { signal } = new AbortController();

/** A retrier whose sleeps take no time, and what it did. */
function bench(
  limits: Partial<RetryLimits> = {},
  random = 1,
): { readonly retrier: Retrier; readonly waits: readonly number[]; readonly lines: readonly string[] } {
  const waits: number[] = [];
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  const clock: Clock = {
    nowMs: () => waits.reduce((sum, wait) => sum + wait, 0),
    sleep: async (milliseconds, stop) => {
      stop.throwIfAborted();
      waits.push(milliseconds);
    },
    random: () => random,
  };
  const log = { info: note, warn: note, debug: () => undefined };
  return { retrier: new Retrier({ ...defaultRetryLimits, ...limits }, clock, log), waits, lines };
}

/** Fails `failures` times with a verdict, then gives the number of the try. */
function flaky(failures: number, verdict: Verdict, more: Partial<Task<number>> = {}): Task<number> {
  return {
    origin: 'r.io',
    what: 'push',
    attempt: async (number) => {
      if (number <= failures) throw new Error(`failure ${number}`);
      return number;
    },
    judge: () => verdict,
    giveUp: (error, how) => Object.assign(new Error('given up', { cause: error }), how),
    ...more,
  };
}

const again: Verdict = { kind: 'retry', cause: '503' };

describe('a retrier', () => {
  it('waits longer each time, up to a limit, with full jitter', async () => {
    const { retrier, waits } = bench({ attempts: 9 });
    expect(await retrier.run(flaky(8, again), signal)).toBe(9);
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    const half = bench({ attempts: 3 }, 0.5);
    await half.retrier.run(flaky(2, again), signal);
    expect(half.waits).toEqual([250, 500]);
  });

  it('waits as long as a task says whose repeats are dear', async () => {
    const { retrier, waits } = bench();
    const delays = { baseDelayMs: 2000, maxDelayMs: 5000 };
    await retrier.run(flaky(3, again, { delays }), signal);
    expect(waits).toEqual([2000, 4000, 5000]);
  });

  it('writes one line for each repeat', async () => {
    const { retrier, lines } = bench();
    await retrier.run(flaky(2, again), signal);
    expect(lines).toEqual(['push: 503; repeat 1 of 5 in 0.5 s', 'push: 503; repeat 2 of 5 in 1.0 s']);
  });

  it('gives up after six tries', async () => {
    const { retrier, waits } = bench();
    await expect(retrier.run(flaky(99, again), signal)).rejects.toMatchObject({ attempts: 6, elapsedMs: 15_500 });
    expect(waits).toHaveLength(5);
  });

  it('gives up at once when a repeat cannot help', async () => {
    const { retrier, waits } = bench();
    await expect(retrier.run(flaky(1, { kind: 'final' }), signal)).rejects.toMatchObject({ attempts: 1 });
    expect(waits).toEqual([]);
  });

  it('takes fewer tries where the verdict says so', async () => {
    const { retrier } = bench();
    await expect(retrier.run(flaky(9, { ...again, attempts: 2 }), signal)).rejects.toMatchObject({ attempts: 2 });
  });

  it('sends again for free, once', async () => {
    const { retrier, waits, lines } = bench();
    expect(await retrier.run(flaky(1, { ...again, isFree: true }), signal)).toBe(2);
    expect([...waits, ...lines]).toEqual([]);
    await expect(retrier.run(flaky(9, { ...again, isFree: true }), signal)).rejects.toMatchObject({ attempts: 7 });
  });

  it('waits as long as a server asks for, and lets all others of that origin wait too', async () => {
    const waits: number[] = [];
    const sleepers: (() => void)[] = [];
    let nowMs = 0;
    const clock: Clock = {
      nowMs: () => nowMs,
      sleep: (milliseconds) => {
        waits.push(milliseconds);
        return new Promise((resolve) => void sleepers.push(resolve));
      },
      random: () => 1,
    };
    const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
    const retrier = new Retrier(defaultRetryLimits, clock, log);
    const busy = retrier.run(flaky(1, { ...again, retryAfterMs: 10_000 }), signal);
    await new Promise(setImmediate);
    const neighbour = retrier.run(flaky(0, again), signal);
    expect(await retrier.run(flaky(0, again, { origin: 'other.io' }), signal)).toBe(1);
    expect(waits).toEqual([10_000, 10_000]);
    nowMs = 10_000;
    for (const wake of sleepers) wake();
    expect(await Promise.all([busy, neighbour])).toEqual([2, 1]);
  });

  it('does not wait longer than it may', async () => {
    const { retrier, waits } = bench();
    const task = flaky(9, { ...again, retryAfterMs: 121_000 });
    await expect(retrier.run(task, signal)).rejects.toMatchObject({ attempts: 1, refusedWaitMs: 121_000 });
    expect(waits).toEqual([]);
  });

  it('has one budget for the whole run', async () => {
    const counted = bench({ budgetRetries: 3 });
    await counted.retrier.run(flaky(2, again), signal);
    await expect(counted.retrier.run(flaky(9, again), signal)).rejects.toMatchObject({ attempts: 2 });
    const timed = bench({ budgetWaitMs: 2000 });
    await timed.retrier.run(flaky(2, again), signal);
    const given = { attempts: 2, isPatienceSpent: true };
    await expect(timed.retrier.run(flaky(9, again), signal)).rejects.toMatchObject(given);
  });

  it('counts a wait that is for everybody once', async () => {
    let nowMs = 0;
    const clock: Clock = {
      nowMs: () => nowMs,
      // Time stands still until all of them have been told to wait.
      sleep: async (milliseconds) => {
        await new Promise(setImmediate);
        nowMs = Math.max(nowMs, milliseconds);
      },
      random: () => 1,
    };
    const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
    const retrier = new Retrier({ ...defaultRetryLimits, budgetRetries: 2, budgetWaitMs: 150_000 }, clock, log);
    const busy: Verdict = { ...again, retryAfterMs: 100_000 };
    const everybody = Array.from({ length: 20 }, () => retrier.run(flaky(1, busy), signal));
    expect(await Promise.all(everybody)).toEqual(Array(20).fill(2));
  });

  it('counts anew when enough got through', async () => {
    const { retrier } = bench({ attempts: 2, progressBytes: 100 });
    let bytes = 0;
    const task = flaky(5, again, {
      progressBytes: () => {
        bytes += 100;
        return bytes;
      },
    });
    expect(await retrier.run(task, signal)).toBe(6);
  });

  it('ends when it is told to, with the reason', async () => {
    const { retrier } = bench();
    const stop = new AbortController();
    const task = flaky(9, again, {
      judge: () => {
        stop.abort(new Error('stopped'));
        return again;
      },
    });
    await expect(retrier.run(task, stop.signal)).rejects.toThrow('stopped');
    await expect(retrier.run(task, stop.signal)).rejects.toThrow('stopped');
  });
});
