// The way of an image to each target: its registry may have it elsewhere, where it can be mounted from, or will have it once
// another target of that registry does.
import type { BlobStore, TagStore } from './target.ts';

/** A repository to bring something to, and the path of one on its registry that has the blobs. */
export interface Way<Repository = TagStore & BlobStore> {
  readonly repository: Repository;
  readonly mountFrom?: string;
  /** Nothing can be in it: it is not asked what is. */
  readonly isNew?: boolean;
}

/**
 * Which repositories can be served at once, and which mount from one of those when it has everything.
 *
 * @param holders names (`host/path`) of repositories that have it
 * @param fresh those that nothing can be in
 */
export function waysTo<Repository extends { readonly name: string }>(
  repositories: readonly Repository[],
  holders: readonly string[],
  fresh: ReadonlySet<unknown> = new Set(),
): { readonly first: readonly Way<Repository>[]; readonly later: readonly Way<Repository>[] } {
  const holderAt = new Map<string, string>();
  for (const name of holders) if (!holderAt.has(hostOf(name))) holderAt.set(hostOf(name), pathOf(name));
  const leaderAt = new Map<string, string>();
  const first: Way<Repository>[] = [];
  const later: Way<Repository>[] = [];
  for (const repository of repositories) {
    const { name } = repository;
    const holder = holderAt.get(hostOf(name));
    const leader = leaderAt.get(hostOf(name));
    const way = { repository, ...(fresh.has(repository) ? { isNew: true } : {}) };
    if (holder !== undefined) first.push(holder === pathOf(name) ? way : { ...way, mountFrom: holder });
    else if (leader !== undefined) later.push({ ...way, mountFrom: leader });
    else {
      leaderAt.set(hostOf(name), pathOf(name));
      first.push(way);
    }
  }
  return { first, later };
}

function hostOf(name: string): string {
  return name.slice(0, name.indexOf('/'));
}

function pathOf(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}
