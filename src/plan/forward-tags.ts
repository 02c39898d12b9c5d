// auto_tag_forward_only: a tag that stands for a line of versions (`1`, `1.2`, `latest`) moves only when no version in that
// line is newer. A fix for an old line then leaves the newer line's tags where they are.
import { parseVersion } from './version.ts';

/** A version that is being released, with the tags that stand for more than it. */
export interface Release {
  readonly numbers: readonly bigint[];
  /** Empty: none. */
  readonly suffix: string;
  /** Tag -> the numbers that its line begins with: `[1]` for `1`, none for `latest`. */
  readonly lines: ReadonlyMap<string, readonly bigint[]>;
}

/** Tags to set, and those that stay where they are. */
export interface ForwardTags {
  readonly tags: readonly string[];
  readonly staying: readonly { readonly tag: string; readonly newer: string }[];
}

/** @param existing the tags of the repository, of which those that are versions with the same suffix count */
export function forwardTags(tags: readonly string[], release: Release, existing: readonly string[]): ForwardTags {
  const versions = existing.flatMap((tag) => readNumbers(tag, release.suffix));
  const judged = tags.map((tag) => {
    const line = release.lines.get(tag);
    const newer = versions.find(
      ({ numbers }) =>
        line?.every((number, at) => numbers[at] === number) === true && isNewer(numbers, release.numbers),
    );
    return { tag, newer: newer?.tag };
  });
  return {
    tags: judged.flatMap(({ tag, newer }) => (newer === undefined ? [tag] : [])),
    staying: judged.flatMap(({ tag, newer }) => (newer === undefined ? [] : [{ tag, newer }])),
  };
}

interface ExistingVersion {
  readonly tag: string;
  readonly numbers: readonly bigint[];
}

function readNumbers(tag: string, suffix: string): readonly ExistingVersion[] {
  const ending = suffix === '' ? '' : `-${suffix}`;
  if (!tag.endsWith(ending)) return [];
  const version = parseVersion(tag.slice(0, tag.length - ending.length).replace(/^v/, ''));
  if (version === undefined || version.prerelease !== '' || version.metadata !== '') return [];
  return [{ tag, numbers: version.numbers.map(BigInt) }];
}

function isNewer(a: readonly bigint[], b: readonly bigint[]): boolean {
  const at = a.findIndex((number, position) => number !== b[position]);
  return at >= 0 && (a[at] ?? 0n) > (b[at] ?? 0n);
}
