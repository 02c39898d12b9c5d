import { describe, expect, it } from 'vitest';
import { commitLimitMs, defaultTimeLimits, timeLimitsFor } from '../../../src/registry/time-limits.ts';

const minute = 60_000;
const mebibyte = 1024 * 1024;

describe('the wait for the answer to a blob', () => {
  it.each([
    [0, 4],
    [3 * mebibyte, 4],
    [256 * mebibyte, 6],
    [1024 * mebibyte, 12],
    [100 * 1024 * mebibyte, 30],
  ])('of %i bytes is %i minutes', (sizeBytes, minutes) => {
    expect(Math.floor(commitLimitMs(defaultTimeLimits, sizeBytes) / minute)).toBe(minutes);
  });

  it('shrinks with the patience that somebody has', () => {
    const limits = { ...defaultTimeLimits, ...timeLimitsFor(2000) };
    expect(commitLimitMs(limits, 0)).toBe(4000);
    expect(commitLimitMs(limits, 100 * 1024 * mebibyte)).toBe(30_000);
    expect(limits).toMatchObject({
      stuckBlobMs: 10_000,
      stalledUploadMs: 1000,
      stalledDownloadMs: 1000,
      connectMs: 2000,
    });
  });
});
