// The tags that a git ref asks for (auto_tag), as drone-docker makes them; docs/settings.md describes the options.
// Inputs are the ref and the default branch, never the commit: some forges send no commit for tags.
import { PluginError } from '../base/plugin-error.ts';
import { isTag } from '../base/reference.ts';
import type { Release } from './forward-tags.ts';
import { parseVersion, type VersionNumbers } from './version.ts';

export interface AutoTagInputs {
  readonly ref: string;
  readonly defaultBranch: string;
  /** Empty: none. */
  readonly suffix: string;
  readonly defaultTag: string;
  readonly latest: 'branch' | 'release' | 'both' | 'none';
  readonly depth: 'major' | 'minor' | 'patch';
  /** Empty: none. */
  readonly prefix: string;
  readonly nonSemver: 'fail' | 'as_is' | 'latest';
  /** Tags to publish after these. */
  readonly alsoTags: readonly string[];
}

export type AutoTags =
  | {
      readonly kind: 'tags';
      readonly tags: readonly string[];
      readonly warnings: readonly string[];
      /** Present when the ref is a release: which of the tags stand for more than it. */
      readonly release?: Release;
    }
  | { readonly kind: 'not-eligible'; readonly reason: string };

/** The tags of a ref. Throws PluginError (exit 2) for a git tag that is no version, unless told otherwise. */
export function autoTags(inputs: AutoTagInputs): AutoTags {
  const { ref, defaultBranch, latest, defaultTag, prefix } = inputs;
  if (!ref.startsWith('refs/tags/')) {
    if (stripHead(ref) !== defaultBranch) {
      return notEligible(
        `auto_tag: ${JSON.stringify(ref)} is neither a tag nor the default branch ${JSON.stringify(defaultBranch)}`,
      );
    }
    if (latest === 'branch' || latest === 'both') return finish([defaultTag], [], inputs);
    return notEligible(`auto_tag: builds of the default branch get no tag (auto_tag_latest: ${latest})`);
  }
  const name = ref.slice('refs/tags/'.length);
  if (!name.startsWith(prefix))
    return notEligible(`auto_tag: git tag ${JSON.stringify(name)} does not begin with ${JSON.stringify(prefix)}`);
  return versionTags(name.slice(prefix.length), inputs);
}

/** A ref without one leading refs/heads/. */
export function stripHead(ref: string): string {
  return ref.replace(/^refs\/heads\//, '');
}

/** A ref without refs/tags/ and one lower-case v. */
export function stripTag(ref: string): string {
  return ref.replace(/^refs\/tags\//, '').replace(/^v/, '');
}

function notEligible(reason: string): AutoTags {
  return { kind: 'not-eligible', reason };
}

function versionTags(name: string, inputs: AutoTagInputs): AutoTags {
  const version = parseVersion(stripTag(name));
  if (version === undefined) return finish([notAVersion(name, inputs)], [], inputs);
  const { numbers, prerelease, metadata } = version;
  if (prerelease !== '' || metadata !== '') {
    // Printed as numbers, as drone-docker does; "+" is not legal in a tag.
    const plain = numbers.map((digits) => BigInt(digits).toString()).join('.');
    const full = `${plain}${prerelease && `-${prerelease}`}${metadata && `_${metadata}`}`;
    const warnings = metadata === '' ? [] : [`auto_tag: "+" is not legal in a tag; ${name} is published as ${full}`];
    return finish([full], warnings, inputs);
  }
  const latest = inputs.latest === 'release' || inputs.latest === 'both' ? [inputs.defaultTag] : [];
  const outcome = finish([...shorterVersions(numbers, inputs.depth), ...latest], [], inputs);
  return outcome.kind === 'tags' ? { ...outcome, release: releaseOf(numbers, inputs) } : outcome;
}

function releaseOf(numbers: VersionNumbers, inputs: AutoTagInputs): Release {
  const [major, minor] = numbers;
  const values = numbers.map(BigInt);
  const lines = [
    [major, values.slice(0, 1)],
    [`${major}.${minor}`, values.slice(0, 2)],
    [inputs.defaultTag, []],
  ] as const;
  const suffixed = lines.map(([tag, line]) => [inputs.suffix === '' ? tag : withSuffix(tag, inputs), line] as const);
  return { numbers: values, suffix: inputs.suffix, lines: new Map(suffixed) };
}

function shorterVersions(numbers: VersionNumbers, depth: AutoTagInputs['depth']): readonly string[] {
  const [major, minor, patch] = numbers;
  const full = `${major}.${minor}.${patch}`;
  const lines = BigInt(major) === 0n ? [`${major}.${minor}`] : [major, `${major}.${minor}`];
  switch (depth) {
    case 'major':
      return [...lines, full];
    case 'minor':
      return [`${major}.${minor}`, full];
    case 'patch':
      return [full];
  }
}

function notAVersion(name: string, { nonSemver, defaultTag }: AutoTagInputs): string {
  switch (nonSemver) {
    case 'fail':
      throw new PluginError({
        code: 'settings',
        exitCode: 2,
        message: `settings.auto_tag: git tag ${JSON.stringify(name)} is not a semantic version`,
        hint: 'name git tags like v1.2.3, or set auto_tag_non_semver to as_is or latest',
      });
    case 'latest':
      return defaultTag;
    case 'as_is':
      return legalTag(name);
  }
}

const maxTagLength = 128;

/** The text with everything that a tag cannot hold replaced. */
function legalTag(name: string): string {
  const legal = name.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[.-]+/, '');
  return legal === '' ? 'unnamed' : legal.slice(0, maxTagLength);
}

function finish(made: readonly string[], warnings: readonly string[], inputs: AutoTagInputs): AutoTags {
  const suffixed = inputs.suffix === '' ? made : made.map((tag) => withSuffix(tag, inputs));
  const tags = [...new Set([...suffixed, ...inputs.alsoTags])];
  const illegal = tags.find((tag) => !isTag(tag));
  if (illegal === undefined) return { kind: 'tags', tags, warnings };
  throw new PluginError({
    code: 'settings',
    exitCode: 2,
    message: `settings.auto_tag: the ref gives the tag ${JSON.stringify(illegal.slice(0, 140))}, which is not legal`,
    hint: 'a tag has at most 128 letters, digits, "_", "." and "-", and does not begin with "." or "-"',
  });
}

function withSuffix(tag: string, { suffix, defaultTag }: AutoTagInputs): string {
  return tag === defaultTag ? suffix : `${tag}-${suffix}`;
}
