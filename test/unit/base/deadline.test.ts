import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Deadline } from '../../../src/base/deadline.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the signal of a run', () => {
  const late = new Error('late');
  const stop = new Error('stop');

  it('aborts when the time is up', () => {
    const deadline = new Deadline(new AbortController().signal);
    deadline.start(1000, late);
    vi.advanceTimersByTime(999);
    expect(deadline.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(deadline.signal.reason).toBe(late);
  });

  it('aborts with the process, and keeps that reason', () => {
    const process = new AbortController();
    const deadline = new Deadline(process.signal);
    deadline.start(1000, late);
    process.abort(stop);
    vi.advanceTimersByTime(2000);
    expect(deadline.signal.reason).toBe(stop);
  });

  it('is aborted from the start when the process is', () => {
    expect(new Deadline(AbortSignal.abort(stop)).signal.reason).toBe(stop);
  });

  it('has no limit after it was stopped', () => {
    const deadline = new Deadline(new AbortController().signal);
    deadline.start(1000, late);
    deadline.stop();
    vi.advanceTimersByTime(2000);
    expect(deadline.signal.aborted).toBe(false);
  });
});
