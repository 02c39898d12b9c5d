import { describe, expect, it } from 'vitest';
import { type AutoTagInputs, autoTags } from '../../../src/plan/auto-tags.ts';
import { forwardTags } from '../../../src/plan/forward-tags.ts';

const inputs: AutoTagInputs = {
  ref: '',
  defaultBranch: 'master',
  suffix: '',
  defaultTag: 'latest',
  latest: 'both',
  depth: 'major',
  prefix: '',
  nonSemver: 'fail',
  alsoTags: [],
};

function published(ref: string, existing: readonly string[], more: Partial<AutoTagInputs> = {}): readonly string[] {
  const outcome = autoTags({ ...inputs, ref, ...more });
  if (outcome.kind !== 'tags') throw new Error(outcome.reason);
  return outcome.release === undefined ? outcome.tags : forwardTags(outcome.tags, outcome.release, existing).tags;
}

describe('tags that go forward only', () => {
  it.each([
    ['nothing is there', 'v1.11.8', [], ['1', '1.11', '1.11.8', 'latest']],
    ['the next minor is there', 'v1.11.8', ['1.12.0'], ['1.11', '1.11.8']],
    ['a newer patch is there', 'v1.11.8', ['1.11.10'], ['1.11.8']],
    ['only older ones are there', 'v1.11.8', ['1.11.7', '1.9.20', '0.99.0'], ['1', '1.11', '1.11.8', 'latest']],
    ['the next major is there', 'v1.11.8', ['v2.0.0'], ['1', '1.11', '1.11.8']],
    ['the same version is there', 'v1.11.8', ['1.11.8'], ['1', '1.11', '1.11.8', 'latest']],
    ['a newer one is a prerelease', 'v1.11.8', ['1.12.0-rc.1', '1.12.0-alpine'], ['1', '1.11', '1.11.8', 'latest']],
    ['other tags are no versions', 'v1.11.8', ['2', '1.12', 'nightly', '20260101'], ['1', '1.11', '1.11.8', 'latest']],
    ['numbers are long', 'v1.2.99999999999999999', ['1.2.100000000000000000'], ['1.2.99999999999999999']],
    ['there is no major line at 0', 'v0.9.1', ['0.10.0'], ['0.9', '0.9.1']],
    ['it is a prerelease itself', 'v1.11.8-rc1', ['1.12.0'], ['1.11.8-rc1']],
    ['it is no release', 'refs/heads/master', ['9.0.0'], ['latest']],
  ])('when %s: %s with %j', (_, ref, existing, tags) => {
    expect(published(ref.startsWith('refs/') ? ref : `refs/tags/${ref}`, existing)).toEqual(tags);
  });

  it('are compared with versions of the same suffix alone', () => {
    const alpine = { suffix: 'alpine' };
    expect(published('refs/tags/v1.11.8', ['1.12.0'], alpine)).toEqual([
      '1-alpine',
      '1.11-alpine',
      '1.11.8-alpine',
      'alpine',
    ]);
    expect(published('refs/tags/v1.11.8', ['1.12.0-alpine'], alpine)).toEqual(['1.11-alpine', '1.11.8-alpine']);
  });

  it('say which version they stay for', () => {
    const outcome = autoTags({ ...inputs, ref: 'refs/tags/v1.2.3' });
    if (outcome.kind !== 'tags' || outcome.release === undefined) throw new Error('no release');
    expect(forwardTags(outcome.tags, outcome.release, ['1.3.0']).staying).toEqual([
      { tag: '1', newer: '1.3.0' },
      { tag: 'latest', newer: '1.3.0' },
    ]);
  });
});
