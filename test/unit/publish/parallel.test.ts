import { describe, expect, it } from 'vitest';
import { allOrStop, mapAll, settleAll } from '../../../src/publish/parallel.ts';

describe('work on many items', () => {
  it('never has more of them in hand than allowed, and keeps their order', async () => {
    let inHand = 0;
    let most = 0;
    const results = await mapAll([5, 1, 4, 2, 3], 2, async (item) => {
      most = Math.max(most, (inHand += 1));
      for (let turn = 0; turn < item; turn++) await Promise.resolve();
      inHand -= 1;
      return item * 10;
    });
    expect(results).toEqual([50, 10, 40, 20, 30]);
    expect(most).toBe(2);
  });

  it('goes on after a failure and tells each outcome', async () => {
    const results = await settleAll([1, 2, 3], 1, async (item) => {
      if (item === 2) throw new Error('two');
      return item;
    });
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('throws the first failure once all have ended', async () => {
    const ended: number[] = [];
    const working = mapAll([1, 2, 3], 3, async (item) => {
      ended.push(item);
      if (item > 1) throw new Error(`item ${String(item)}`);
    });
    await expect(working).rejects.toThrow('item 2');
    expect(ended).toEqual([1, 2, 3]);
  });

  it('is fine with nothing to do', async () => {
    expect(await settleAll([], 4, async () => 1)).toEqual([]);
  });
});

describe('dear work', () => {
  it('is stopped by the first failure in time, which is the one that is thrown', async () => {
    const stopped: number[] = [];
    const work = allOrStop(
      [1, 2, 3, 4],
      2,
      async (item, signal) => {
        if (item === 2) throw new Error('the second fails');
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        stopped.push(item);
        signal.throwIfAborted();
      },
      new AbortController().signal,
    );
    await expect(work).rejects.toThrow('the second fails');
    expect(stopped).toEqual([1]);
  });

  it('ends with the reason of its signal', async () => {
    const stop = AbortSignal.abort(new Error('stopped'));
    await expect(allOrStop([1], 1, async () => undefined, stop)).rejects.toThrow('stopped');
  });
});
