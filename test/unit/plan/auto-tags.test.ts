// Every vector of the auto_tag contract: refs, suffixes and options.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { autoTags, stripHead, stripTag, type AutoTagInputs } from '../../../src/plan/auto-tags.ts';

const defaults: AutoTagInputs = {
  ref: '',
  defaultBranch: 'master',
  suffix: '',
  defaultTag: 'latest',
  latest: 'branch',
  depth: 'major',
  prefix: '',
  nonSemver: 'fail',
  alsoTags: [],
};

function tagsOf(inputs: Partial<AutoTagInputs>): readonly string[] | 'skip' {
  const outcome = autoTags({ ...defaults, ...inputs });
  return outcome.kind === 'tags' ? outcome.tags : 'skip';
}

function tagsOrExitCode(inputs: Partial<AutoTagInputs>): readonly string[] | 'skip' | number {
  try {
    return tagsOf(inputs);
  } catch (error) {
    if (error instanceof PluginError) return error.exitCode;
    throw error;
  }
}

describe('auto_tag', () => {
  it.each([
    ['refs/heads/master', ['latest']],
    ['master', ['latest']],
    ['refs/heads/develop', 'skip'],
    ['refs/pull/7/head', 'skip'],
    ['refs/heads/feature/master', 'skip'],
    ['refs/heads/refs/heads/master', 'skip'],
    ['refs/tags/0.9.0', ['0.9', '0.9.0']],
    ['refs/tags/00.1.2', ['00.1', '00.1.2']],
    ['refs/tags/1.0.0', ['1', '1.0', '1.0.0']],
    ['refs/tags/v1.0.0', ['1', '1.0', '1.0.0']],
    ['refs/tags/v1.0.0-alpha.1', ['1.0.0-alpha.1']],
    ['refs/tags/v18.06.0', ['18', '18.06', '18.06.0']],
    ['refs/tags/v18.06.0-rc1', ['18.6.0-rc1']],
    ['refs/tags/v1.2.3+b5', ['1.2.3_b5']],
    ['refs/tags/v1.2.3-rc.1+b5', ['1.2.3-rc.1_b5']],
    ['refs/tags/1.2.3-', ['1', '1.2', '1.2.3']],
    ['refs/tags/1.2.3+', ['1', '1.2', '1.2.3']],
  ])('makes of %s: %j', (ref, expected) => {
    expect(tagsOf({ ref })).toEqual(expected);
  });

  it('takes an empty ref for the default branch when that is empty too', () => {
    expect(tagsOf({ ref: '', defaultBranch: '' })).toEqual(['latest']);
    expect(tagsOf({ ref: '', defaultBranch: 'master' })).toBe('skip');
  });

  it.each([
    ['', '', 'linux-amd64', ['linux-amd64']],
    ['', '', 'nanoserver', ['nanoserver']],
    ['refs/tags/v1.0.0', 'master', 'linux-amd64', ['1-linux-amd64', '1.0-linux-amd64', '1.0.0-linux-amd64']],
    ['refs/tags/v1.9.2', 'master', 'nanoserver', ['1-nanoserver', '1.9-nanoserver', '1.9.2-nanoserver']],
    ['refs/tags/v18.06.0', 'master', 'nanoserver', ['18-nanoserver', '18.06-nanoserver', '18.06.0-nanoserver']],
    ['refs/tags/v1.0.0-alpha.1', 'master', 'linux-arm64', ['1.0.0-alpha.1-linux-arm64']],
    ['refs/tags/0.9.0', 'master', 'alpine', ['0.9-alpine', '0.9.0-alpine']],
  ])('appends to the tags of %j (branch %j) the suffix %s', (ref, defaultBranch, suffix, expected) => {
    expect(tagsOf({ ref, defaultBranch, suffix })).toEqual(expected);
  });

  it.each([
    'x1.0.0',
    '20190203',
    '1.0',
    '1.2.3.4',
    'V1.0.0',
    'vv1.0.0',
    'cmd/foo/1.2.3',
    'v',
    'latest',
    '1.2.x',
    '1.2.3-a_b',
    '1.2.3-a..b',
    '1.2.99999999999999999999',
    '-1.2.3',
    '1_0.2.3',
  ])('refuses the git tag %s: it is no version', (tag) => {
    expect(() => tagsOf({ ref: `refs/tags/${tag}` })).toThrow(/not a semantic version/);
  });

  it.each<[string, Partial<AutoTagInputs>, readonly string[] | 'skip']>([
    ['as_is keeps a date', { ref: 'refs/tags/20190203', nonSemver: 'as_is' }, ['20190203']],
    ['as_is makes a path legal', { ref: 'refs/tags/release/2024', nonSemver: 'as_is' }, ['release-2024']],
    ['as_is leaves versions alone', { ref: 'refs/tags/v1.2.3', nonSemver: 'as_is' }, ['1', '1.2', '1.2.3']],
    ['latest for what is no version', { ref: 'refs/tags/nightly', nonSemver: 'latest' }, ['latest']],
    ['a prefix is cut off', { ref: 'refs/tags/cmd/foo/v1.2.3', prefix: 'cmd/foo/' }, ['1', '1.2', '1.2.3']],
    ['a tag without the prefix is skipped', { ref: 'refs/tags/cmd/bar/v1.2.3', prefix: 'cmd/foo/' }, 'skip'],
    ['depth minor', { ref: 'refs/tags/v1.2.3', depth: 'minor' }, ['1.2', '1.2.3']],
    ['depth patch', { ref: 'refs/tags/v1.2.3', depth: 'patch' }, ['1.2.3']],
    ['depth minor of 0.x', { ref: 'refs/tags/v0.2.3', depth: 'minor' }, ['0.2', '0.2.3']],
    ['latest on release', { ref: 'refs/tags/v1.2.3', latest: 'release' }, ['1', '1.2', '1.2.3', 'latest']],
    ['no latest for a prerelease', { ref: 'refs/tags/v1.2.3-rc1', latest: 'release' }, ['1.2.3-rc1']],
    ['no latest for the branch', { ref: 'refs/heads/master', latest: 'release' }, 'skip'],
    ['nobody gets latest', { ref: 'refs/heads/master', latest: 'none' }, 'skip'],
    [
      'latest for both, with suffix',
      { ref: 'refs/tags/v1.2.3', latest: 'both', suffix: 'alpine' },
      ['1-alpine', '1.2-alpine', '1.2.3-alpine', 'alpine'],
    ],
    ['another name for latest', { ref: 'refs/heads/master', defaultTag: 'edge' }, ['edge']],
    ['another name and a suffix', { ref: 'refs/heads/master', defaultTag: 'edge', suffix: 'alpine' }, ['alpine']],
    ['tags beside', { ref: 'refs/heads/master', alsoTags: ['a', 'b', 'latest'] }, ['latest', 'a', 'b']],
  ])('option: %s', (_, inputs, expected) => {
    expect(tagsOf(inputs)).toEqual(expected);
  });

  it('says what is skipped', () => {
    expect(autoTags({ ...defaults, ref: 'refs/heads/x\u001b[2J' })).toEqual({
      kind: 'not-eligible',
      reason: String.raw`auto_tag: "refs/heads/x\u001b[2J" is neither a tag nor the default branch "master"`,
    });
  });

  it('warns when "+" had to be replaced', () => {
    expect(autoTags({ ...defaults, ref: 'refs/tags/v1.2.3+b5' })).toMatchObject({
      warnings: ['auto_tag: "+" is not legal in a tag; v1.2.3+b5 is published as 1.2.3_b5'],
    });
    expect(autoTags({ ...defaults, ref: 'refs/tags/v1.2.3' })).toMatchObject({ warnings: [] });
  });

  it('refuses a tag that gets too long', () => {
    expect(() => tagsOf({ ref: `refs/tags/1.2.3-${'a'.repeat(130)}` })).toThrow(/not legal/);
  });

  it('cuts off one prefix of a ref', () => {
    expect(['refs/tags/1.0.0', 'refs/tags/v1.0.0', 'v1.0.0'].map(stripTag)).toEqual(['1.0.0', '1.0.0', '1.0.0']);
    expect(stripHead('refs/heads/master')).toBe('master');
  });

  it('gives legal tags or the one error, whatever the ref', () => {
    const ref = fc.oneof(
      fc.string(),
      fc.string().map((text) => `refs/tags/${text}`),
      fc.stringMatching(/^refs\/tags\/v?\d{1,20}\.\d{1,3}\.\d{1,3}([-+][0-9A-Za-z.+-]{0,9})?$/),
    );
    fc.assert(
      fc.property(ref, fc.constantFrom('fail', 'as_is', 'latest'), (ref, nonSemver) => {
        const tags = tagsOrExitCode({ ref, nonSemver });
        const isLegal = (tag: string) => /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(tag);
        const isRefused = typeof tags === 'number' ? tags === 2 : tags === 'skip';
        const made = typeof tags === 'object' ? tags : [];
        expect(isRefused || (made.length > 0 && made.every(isLegal))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
