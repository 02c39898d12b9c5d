import { describe, expect, it } from 'vitest';
import { UploadSlots } from '../../../src/registry/upload-slots.ts';

const { signal } = new AbortController();
const large = 10_000_000;
const small = 1000;

/** Takes a place without waiting for it; `true` once it is there. */
function taking(
  slots: UploadSlots,
  sizeBytes: number,
  stop = signal,
): { entered: boolean; readonly leave: Promise<() => void> } {
  const leave = slots.take(sizeBytes, stop);
  const state = { entered: false, leave };
  leave.then(
    () => {
      state.entered = true;
    },
    () => undefined,
  );
  return state;
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('upload slots', () => {
  it('let five large bodies and one small one travel', async () => {
    const slots = new UploadSlots(6);
    const bodies = [large, large, large, large, large, large, small, small].map((size) => taking(slots, size));
    await settled();
    expect(bodies.map(({ entered }) => entered)).toEqual([true, true, true, true, true, false, true, false]);
    (await bodies[0]?.leave)?.();
    await settled();
    expect(bodies.map(({ entered }) => entered)).toEqual([true, true, true, true, true, true, true, false]);
    (await bodies[6]?.leave)?.();
    await settled();
    expect(bodies.at(-1)?.entered).toBe(true);
  });

  it('work with a single place', async () => {
    const slots = new UploadSlots(1);
    const first = taking(slots, large);
    const second = taking(slots, small);
    await settled();
    expect([first.entered, second.entered]).toEqual([true, false]);
    (await first.leave)();
    await settled();
    expect(second.entered).toBe(true);
  });

  it('forget who stopped waiting', async () => {
    const slots = new UploadSlots(1);
    const first = await slots.take(small, signal);
    const stop = new AbortController();
    const waiting = slots.take(small, stop.signal);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    await expect(slots.take(small, stop.signal)).rejects.toThrow('stopped');
    first();
    (await slots.take(small, signal))();
  });
});
