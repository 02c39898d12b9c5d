import { describe, expect, it } from 'vitest';
import { formatSummary, type PublishedFacts } from '../../../src/report/summary.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const old = `sha256:${'b'.repeat(64)}`;
const published: PublishedFacts = {
  digest,
  tags: [
    { repository: 'docker.example/team/app', tag: '1.2.3', outcome: 'created', after: digest },
    { repository: 'docker.example/team/app', tag: '1.2', outcome: 'moved', before: old, after: digest },
    { repository: 'docker.example/team/app', tag: 'latest', outcome: 'unchanged', before: digest, after: digest },
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

  it('says once what became of all tags of a repository, each repository by itself', () => {
    const tagsOf = (repository: string, before: string | undefined) =>
      ['1.2', '1', 'latest'].map((tag) => ({
        repository,
        tag,
        after: digest,
        outcome: before === undefined ? 'created' : 'moved',
        ...(before === undefined ? {} : { before }),
      }));
    const tags = [...tagsOf('docker.example/app', old), ...tagsOf('other.example/app', undefined)];
    expect(formatSummary({ ...published, tags }, facts).slice(0, 4)).toEqual([
      'published docker.example/app',
      '  tags    1.2, 1, latest (all moved from sha256:bbbbbbbbbbbb)',
      'published other.example/app',
      '  tags    1.2, 1, latest (all created)',
    ]);
  });

  it('says what is not as it was meant to be', () => {
    const repository = 'docker.example/app';
    const foreign = `sha256:${'f'.repeat(64)}`;
    const tags = [
      { repository, tag: '1', outcome: 'kept', before: old, after: old },
      { repository, tag: '2', outcome: 'moved', before: old, after: foreign },
      { repository, tag: '3', outcome: 'created' },
    ];
    expect(formatSummary({ ...published, tags }, facts)[1]).toBe(
      '  tags    1 (kept at sha256:bbbbbbbbbbbb), ' +
        '2 (moved from sha256:bbbbbbbbbbbb, moved on to sha256:ffffffffffff by somebody else), ' +
        '3 (created, not to be seen by this login)',
    );
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
