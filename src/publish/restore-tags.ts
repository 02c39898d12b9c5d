// Puts tags back where they were when not all of them could be moved. Only a tag that still shows our manifest is
// touched, and only by writing the old bytes again: nothing is ever deleted, since some registries drop every tag of a
// manifest when asked to delete one.
import type { Digest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { mapAll } from './parallel.ts';
import type { Manifest, TagOutcome, TagStore } from './target.ts';

const parallelRequests = 6;

/** A tag as it was found; `before` undefined = it did not exist. */
export interface TagState {
  readonly repository: TagStore;
  readonly tag: string;
  readonly before?: Digest;
}

/** The bytes of the manifests that tags pointed at, per repository and digest. */
export type OldManifests = ReadonlyMap<TagStore, ReadonlyMap<Digest, Manifest>>;

/** Reads what restoring would need, once per digest. A login that may not read goes without. */
export async function keepOldManifests(
  moves: readonly TagState[],
  log: Log,
  signal: AbortSignal,
): Promise<OldManifests> {
  const wanted = new Map<string, { repository: TagStore; digest: Digest }>();
  for (const { repository, before } of moves) {
    if (before !== undefined) wanted.set(`${repository.name}@${before}`, { repository, digest: before });
  }
  const found = await mapAll([...wanted.values()], parallelRequests, async ({ repository, digest }) => {
    try {
      return { repository, manifest: await repository.getManifest(digest, signal) };
    } catch (error) {
      signal.throwIfAborted();
      log.debug(`${repository.name}@${digest} could not be read; its tags could not be put back: ${String(error)}`);
      return { repository, manifest: undefined };
    }
  });
  const kept = new Map<TagStore, Map<Digest, Manifest>>();
  for (const { repository, manifest } of found) {
    if (manifest === undefined) continue;
    const own = kept.get(repository) ?? new Map<Digest, Manifest>();
    kept.set(repository, own.set(manifest.digest, manifest));
  }
  return kept;
}

/** Looks at every tag and puts back those that show `manifest` and had something else before. Never throws. */
export async function restoreTags(
  manifest: Manifest,
  states: readonly TagState[],
  oldManifests: OldManifests,
  signal: AbortSignal,
): Promise<readonly TagOutcome[]> {
  return mapAll(states, parallelRequests, async (state) => {
    const { repository, tag, before } = state;
    const facts = { repository: repository.name, tag, ...(before === undefined ? {} : { before }) };
    if (before === manifest.digest) return { ...facts, after: before, outcome: 'unchanged' };
    const now = await look(state, signal);
    if (now === 'unknown') return { ...facts, outcome: 'unknown' };
    if (now === before) return { ...facts, ...(now === undefined ? {} : { after: now }), outcome: 'not-moved' };
    if (now === undefined) return { ...facts, outcome: 'unknown' };
    if (now !== manifest.digest) return { ...facts, after: now, outcome: 'unknown' };
    if (before === undefined) return { ...facts, after: now, outcome: 'left-behind' };
    const old = oldManifests.get(repository)?.get(before);
    const after = old === undefined ? now : await putBack(state, old, signal);
    if (after === 'unknown' || after === undefined) return { ...facts, outcome: 'unknown' };
    return { ...facts, after, outcome: after === before ? 'restored' : 'moved' };
  });
}

async function putBack(state: TagState, old: Manifest, signal: AbortSignal): Promise<Digest | 'unknown' | undefined> {
  // Whether the PUT was answered does not matter: the tag itself is asked.
  await state.repository.putManifest(old, { tag: state.tag }, signal).catch(() => undefined);
  return look(state, signal);
}

async function look({ repository, tag }: TagState, signal: AbortSignal): Promise<Digest | 'unknown' | undefined> {
  try {
    return (await repository.headManifest(tag, signal))?.digest;
  } catch {
    return 'unknown';
  }
}
