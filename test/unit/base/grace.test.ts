import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withGrace } from '../../../src/base/grace.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('work with grace', () => {
  it('goes on after the abort, and is aborted itself with the same reason when its time is over', async () => {
    const controller = new AbortController();
    const reason = new Error('terminated');
    await withGrace(controller.signal, 5000, async (graceful) => {
      controller.abort(reason);
      await vi.advanceTimersByTimeAsync(4999);
      expect(graceful.aborted).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(graceful.reason).toBe(reason);
    });
  });

  it('gets its time also when the abort came before', async () => {
    await withGrace(AbortSignal.abort(), 5000, async (graceful) => {
      await vi.advanceTimersByTimeAsync(4999);
      expect(graceful.aborted).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(graceful.aborted).toBe(true);
    });
  });

  it('leaves no timer behind, whether the abort comes during it or after it', async () => {
    const during = new AbortController();
    await withGrace(during.signal, 5000, async () => {
      during.abort();
      expect(vi.getTimerCount()).toBe(1);
    });
    const after = new AbortController();
    await withGrace(after.signal, 5000, async () => undefined);
    after.abort();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('passes its failure on', async () => {
    const failing = withGrace(new AbortController().signal, 1, () => Promise.reject(new Error('refused')));
    await expect(failing).rejects.toThrow('refused');
  });
});
