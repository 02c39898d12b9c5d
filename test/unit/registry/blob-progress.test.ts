import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BlobProgress } from '../../../src/registry/blob-progress.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const limitMs = 1000;
const started = (): BlobProgress => new BlobProgress(limitMs, () => new Error('stuck'));

describe('the progress of a blob', () => {
  it('ends when no byte got through for too long', () => {
    const progress = started();
    progress.begin();
    vi.advanceTimersByTime(999);
    expect(progress.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(progress.signal.reason).toMatchObject({ message: 'stuck' });
  });

  it('goes on for as long as bytes move', () => {
    const progress = started();
    progress.begin();
    for (let bytes = 1; bytes <= 20; bytes += 1) {
      vi.advanceTimersByTime(900);
      progress.moved(bytes);
    }
    expect(progress.signal.aborted).toBe(false);
    expect(progress.mostBytes).toBe(20);
  });

  it('is not made by sending the same bytes again', () => {
    const progress = started();
    for (let attempt = 0; attempt < 4; attempt += 1) {
      progress.begin();
      progress.moved(100);
      vi.advanceTimersByTime(300);
      progress.pause();
    }
    expect(progress.signal.aborted).toBe(true);
  });

  it('gives a repeat the time that the first try needed to come so far', () => {
    const progress = started();
    progress.begin();
    for (let bytes = 1; bytes <= 10; bytes += 1) {
      vi.advanceTimersByTime(500);
      progress.moved(bytes);
    }
    progress.pause();
    progress.begin();
    vi.advanceTimersByTime(5_900);
    expect(progress.signal.aborted).toBe(false);
    vi.advanceTimersByTime(100);
    expect(progress.signal.aborted).toBe(true);
  });

  it('does not count the time in which a try waits for its place', () => {
    const progress = started();
    vi.advanceTimersByTime(60_000);
    progress.begin();
    vi.advanceTimersByTime(500);
    progress.pause();
    vi.advanceTimersByTime(60_000);
    progress.begin();
    vi.advanceTimersByTime(499);
    expect(progress.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(progress.signal.aborted).toBe(true);
  });
});
