// The way of an image to each target: its registry may have it elsewhere, where it can be mounted from, or will have it once
// another target of that registry does.
import type { BlobStore, TagStore } from './target.ts';

/** A repository to bring something to, and the path of one on its registry that has the blobs. */
export interface Way<Repository = TagStore & BlobStore> {
  readonly repository: Repository;
  readonly mountFrom?: string;
}

/**
 * Which repositories can be served at once, and which mount from one of those when it has everything.
 *
 * @param holders names (`host/path`) of repositories that have it
 */
export function waysTo<Repository extends { readonly name: string }>(
  repositories: readonly Repository[],
  holders: readonly string[],
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
    if (holder !== undefined) first.push(holder === pathOf(name) ? { repository } : { repository, mountFrom: holder });
    else if (leader !== undefined) later.push({ repository, mountFrom: leader });
    else {
      leaderAt.set(hostOf(name), pathOf(name));
      first.push({ repository });
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
