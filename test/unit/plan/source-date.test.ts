// Which time stands for "now" in an image.
import { describe, expect, it } from 'vitest';
import { sourceDate } from '../../../src/plan/source-date.ts';
import { readBuildInfo } from '../../../src/settings/build-info.ts';

const facts = readBuildInfo({ DRONE_BUILD_CREATED: '1700000000' });
const nothing = readBuildInfo({});

describe('the source date', () => {
  it('is nothing unless somebody asks', () => {
    expect(sourceDate({ source_date_epoch: undefined, reproducible: false }, facts)).toEqual({ warnings: [] });
  });

  it('is the number of the setting, also when the build is to be reproducible', () => {
    expect(sourceDate({ source_date_epoch: 5, reproducible: true }, facts)).toEqual({ seconds: 5, warnings: [] });
  });

  it.each([
    ['source_date_epoch', { source_date_epoch: 'commit' as const, reproducible: false }],
    ['reproducible', { source_date_epoch: undefined, reproducible: true }],
  ])('is the time of the commit for %s, else that of the pipeline with a warning, else an error', (setting, values) => {
    expect(sourceDate(values, { ...facts, commitSeconds: 7 })).toEqual({ seconds: 7, warnings: [] });
    const fallback = sourceDate(values, facts);
    expect(fallback.seconds).toBe(1_700_000_000);
    expect(fallback.warnings).toEqual([expect.stringContaining(`settings.${setting}: the workspace has no commit`)]);
    expect(() => sourceDate(values, nothing)).toThrow(`settings.${setting}`);
  });
});
