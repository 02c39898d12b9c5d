// The version grammar of drone-docker's tags: three numbers, then a prerelease, then metadata. It is not quite that of
// semver.org: leading zeros are fine, and an empty prerelease counts as none.

export type VersionNumbers = readonly [major: string, minor: string, patch: string];

export interface Version {
  /** As written, leading zeros included. */
  readonly numbers: VersionNumbers;
  /** Empty: none. */
  readonly prerelease: string;
  /** Empty: none. */
  readonly metadata: string;
}

const identifiers = /^[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*$/;
/** Version numbers are read as 64-bit integers by the tools whose tags these are. */
const maxNumber = 2n ** 63n - 1n;

/** Reads a version without a leading `v`; undefined for anything else. */
export function parseVersion(text: string): Version | undefined {
  const [beforePlus, metadata] = cut(text, '+');
  const [core, prerelease] = cut(beforePlus, '-');
  const [major, minor, patch, ...more] = core.split('.');
  if (major === undefined || minor === undefined || patch === undefined || more.length > 0) return undefined;
  const numbers = [major, minor, patch] as const;
  if (!numbers.every((digits) => /^\d{1,100}$/.test(digits) && BigInt(digits) <= maxNumber)) return undefined;
  if (![prerelease, metadata].every((part) => part === '' || identifiers.test(part))) return undefined;
  return { numbers, prerelease, metadata };
}

function cut(text: string, separator: string): readonly [before: string, after: string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
