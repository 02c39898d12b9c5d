import { describe, expect, it } from 'vitest';
import { formatSummary, type PublishedFacts } from '../../../src/report/summary.ts';

const published: PublishedFacts = {
  digest: `sha256:${'a'.repeat(64)}`,
  tags: [
    { repository: 'docker.example/team/app', tag: '1.2.3', outcome: 'created' },
    { repository: 'docker.example/team/app', tag: '1.2', outcome: 'moved', before: `sha256:${'b'.repeat(64)}` },
    { repository: 'docker.example/team/app', tag: 'latest', outcome: 'unchanged' },
  ],
  imageBytes: 13_400_000,
  uploadedBytes: 3_100_000,
  uploadedBlobs: 2,
};

const facts = { pushedByDaemon: false, steps: 0, cachedSteps: 0, phases: [] };

describe('formatSummary', () => {
  it('shows tags, digest, size, cached steps and the time of each phase', () => {
    const phases = [
      ['connect', 100],
      ['build', 8_000],
      ['publish', 4_150],
    ] as const;
    expect(formatSummary(published, { ...facts, steps: 9, cachedSteps: 7, phases })).toEqual([
      'published docker.example/team/app',
      '  tags    1.2.3 (created), 1.2 (moved from sha256:bbbbbbbbbbbb), latest (unchanged)',
      `  digest  sha256:${'a'.repeat(64)}`,
      '  size    13.4MB, 2 blobs uploaded (3.10MB)',
      '  steps   7 of 9 cached',
      '  time    12.3s (connect 0.1s, build 8.0s, publish 4.2s)',
    ]);
  });

  it('says how the image got there when we did not upload it', () => {
    const nothing = { ...published, uploadedBlobs: 0 };
    expect(formatSummary(nothing, facts)).toContain('  size    13.4MB, nothing to upload');
    expect(formatSummary(nothing, { ...facts, pushedByDaemon: true })).toContain(
      '  size    13.4MB, pushed by the daemon',
    );
  });

  it('lists each repository with its tags', () => {
    const tags = [...published.tags, { repository: 'other.example/app', tag: 'latest', outcome: 'created' }];
    const lines = formatSummary({ ...published, tags }, facts);
    expect(lines.filter((line) => line.startsWith('published'))).toEqual([
      'published docker.example/team/app',
      'published other.example/app',
    ]);
  });

  it('says of each repository whether it was signed', () => {
    const repository = 'docker.example/team/app';
    const signedLine = (outcome: 'added' | 'unchanged' | 'failed', children = 0) =>
      formatSummary(published, { ...facts, signatures: [{ repository, outcome, children }] })[2];
    expect(signedLine('added')).toBe('  signed  yes');
    expect(signedLine('added', 2)).toBe('  signed  yes, with 2 images of the index');
    expect(signedLine('unchanged')).toBe('  signed  yes (had been signed before)');
    expect(signedLine('failed')).toBe('  signed  no, see the warning above');
    expect(formatSummary(published, facts).join()).not.toContain('signed');
  });

  it('says that a dry run published nothing', () => {
    expect(formatSummary(undefined, facts)[0]).toBe('built; nothing was published');
  });
});
