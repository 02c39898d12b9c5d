// One look at the tags of a repository before an image is brought there. It serves three ends at once, so that nothing is
// asked twice: which layers are there, whether the very image is there, and what the tags show before they move.
import type { Digest } from '../base/digest.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import type { Manifest, TagStore } from './target.ts';
import { waveOf } from './tag-waves.ts';

/** What the tags showed. */
export interface TagsSeen {
  readonly repository: TagStore;
  /** Of every tag that was looked at; undefined = it was absent. */
  readonly digests: ReadonlyMap<string, Digest | undefined>;
  /** Manifests that were read, by their digest. */
  readonly manifests: ReadonlyMap<Digest, Manifest>;
  /** The registry does not know the repository: nothing can be in it. */
  readonly isNew: boolean;
  /** By a monotonic clock. */
  readonly atMs: number;
}

/**
 * Reads the manifest of the tag that is the likeliest to exist, and looks at the others. A repository that the registry does
 * not know is not asked about each tag.
 */
export async function lookAtTags(
  repository: TagStore,
  tags: readonly string[],
  nowMs: () => number,
  signal: AbortSignal,
): Promise<TagsSeen> {
  // A moving name has been there before more often than a version.
  const [first = '', ...others] = [...new Set(tags)].sort((one, other) => waveOf(other) - waveOf(one));
  const atMs = nowMs();
  const manifest = await repository.getManifest(first, signal);
  const isNew = manifest === undefined && (await repository.isUnknown?.(signal)) === true;
  const heads = await mapAll(others, parallelRequests, async (tag): Promise<readonly [string, Digest | undefined]> => [
    tag,
    isNew ? undefined : (await repository.headManifest(tag, signal))?.digest,
  ]);
  return {
    repository,
    digests: new Map([[first, manifest?.digest], ...heads]),
    manifests: new Map(manifest === undefined ? [] : [[manifest.digest, manifest]]),
    isNew,
    atMs,
  };
}
