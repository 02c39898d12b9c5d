// What of the wanted tags is really to be published, decided by what the repositories hold already: tags that exist may be
// left alone (skip_push_if_tag_exists), and tags that stand for a line of versions may go forward only.
import { type Digest, shortDigest } from '../base/digest.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import type { PublishTarget } from './target.ts';

/** What is asked of a repository here. */
export interface TagReader {
  readonly name: string;
  headManifest(tag: string, signal: AbortSignal): Promise<{ readonly digest: Digest } | undefined>;
  listTags(signal: AbortSignal): Promise<readonly string[]>;
}

export interface NarrowingRules {
  readonly skipExisting: boolean;
  /** Judges the tags of one repository by all of its tags; absent when any tag may move. */
  readonly forward?: (
    tags: readonly string[],
    existing: readonly string[],
  ) => {
    readonly tags: readonly string[];
    readonly staying: readonly { readonly tag: string; readonly newer: string }[];
  };
}

/** A wanted tag that is left alone. */
export interface SkippedTag {
  readonly repository: string;
  readonly tag: string;
  /** It exists, with this digest; absent for a tag that stays for the sake of a newer version. */
  readonly digest?: Digest;
  /** The newer version that the tag stays with. */
  readonly newer?: string;
}

/** What is left to publish. Repositories without tags are gone. Throws RegistryError. */
export async function narrowTargets<Target extends PublishTarget<TagReader>>(
  targets: readonly Target[],
  { skipExisting, forward }: NarrowingRules,
  signal: AbortSignal,
): Promise<{ readonly targets: readonly Target[]; readonly skipped: readonly SkippedTag[] }> {
  const skipped: SkippedTag[] = [];
  const narrowed = await mapAll(targets, parallelRequests, async (target) => {
    const { repository } = target;
    let { tags } = target;
    if (forward !== undefined) {
      const judged = forward(tags, await repository.listTags(signal));
      skipped.push(...judged.staying.map((staying) => ({ repository: repository.name, ...staying })));
      ({ tags } = judged);
    }
    if (skipExisting) {
      const heads = await mapAll(tags, parallelRequests, (tag) => repository.headManifest(tag, signal));
      skipped.push(
        ...tags.flatMap((tag, at) => {
          const digest = heads[at]?.digest;
          return digest === undefined ? [] : [{ repository: repository.name, tag, digest }];
        }),
      );
      tags = tags.filter((_, at) => heads[at] === undefined);
    }
    return { ...target, tags };
  });
  return { targets: narrowed.filter(({ tags }) => tags.length > 0), skipped };
}

/** `host/app:1.2 exists already (sha256:0123456789ab)`, or why the tag stays. */
export function describeSkipped({ repository, tag, digest, newer }: SkippedTag): string {
  return digest === undefined
    ? `${repository}:${tag} stays where it is: the newer ${newer ?? 'version'} is there`
    : `${repository}:${tag} exists already (${shortDigest(digest)}) and is left alone`;
}
