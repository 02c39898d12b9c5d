import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { StallWatch } from '../../../src/registry/stall-watch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watching(minBytes: number) {
  const stalls: string[] = [];
  return { watch: new StallWatch(1000, minBytes, ({ message }) => void stalls.push(message)), stalls };
}

it('tells once that nothing moved', () => {
  const { stalls } = watching(1);
  vi.advanceTimersByTime(10_000);
  expect(stalls).toEqual(['no progress for 1 s']);
});

it('wants enough bytes within each limit', () => {
  const { watch, stalls } = watching(100);
  for (let second = 0; second < 5; second += 1) {
    watch.moved(100);
    vi.advanceTimersByTime(1000);
  }
  expect(stalls).toEqual([]);
  watch.moved(99);
  vi.advanceTimersByTime(1000);
  expect(stalls).toHaveLength(1);
});

it('counts only the time in which it is not paused', () => {
  const { watch, stalls } = watching(1);
  vi.advanceTimersByTime(600);
  watch.pause();
  vi.advanceTimersByTime(60_000);
  watch.resume();
  vi.advanceTimersByTime(300);
  watch.pause();
  watch.resume();
  vi.advanceTimersByTime(99);
  expect(stalls).toEqual([]);
  vi.advanceTimersByTime(2);
  expect(stalls).toHaveLength(1);
});

it('says nothing after its end', () => {
  const { watch, stalls } = watching(1);
  watch.stop();
  watch.resume();
  vi.advanceTimersByTime(10_000);
  expect(stalls).toEqual([]);
});
