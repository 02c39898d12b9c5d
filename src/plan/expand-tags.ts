// expand_tag: a tag that is a version stands for its shorter forms too, as in the kaniko plugins.
import { parseVersion } from './version.ts';

/**
 * Each version (with or without `v`; `_` counts as the `-` that begins a prerelease) becomes `1`, `1.2` and `1.2.3`. A
 * prerelease stays alone and loses its `v`; whatever is no version stays as it is.
 */
export function expandTags(tags: readonly string[]): readonly string[] {
  return [...new Set(tags.flatMap(expandTag))];
}

function expandTag(tag: string): readonly string[] {
  const plain = tag.replace(/^v/, '');
  const version = parseVersion(plain.replaceAll('_', '-'));
  if (version === undefined) return [tag];
  if (version.prerelease !== '') return [plain];
  const [major, minor, patch] = version.numbers;
  return [major, `${major}.${minor}`, `${major}.${minor}.${patch}`];
}
