// Puts tags back where they were when not all of them could be moved. Only a tag that this run wrote and that still shows
// our manifest is touched. One that existed gets its old bytes again; one that did not is taken away where the registry is
// known to take away a tag alone, and stays elsewhere: some drop every tag of a manifest when asked to delete one.
import type { Digest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { isHidden, readUntil } from './await-visible.ts';
import { statusOf } from './failure-facts.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import { seeTag } from './see-tag.ts';
import type { Manifest, ReplicaPatience, TagOutcome, TagStore } from './target.ts';

/** A tag as it was found; `before` undefined = it did not exist. */
export interface TagState {
  readonly repository: TagStore;
  readonly tag: string;
  readonly before?: Digest;
}

/** The bytes of the manifests that tags pointed at, per repository and digest. */
export type OldManifests = ReadonlyMap<TagStore, ReadonlyMap<Digest, Manifest>>;

/** What was done to tags so far. */
export interface Writes {
  /** Written to, whatever came of it. */
  readonly tried: ReadonlySet<TagState>;
  /** Asked for along with others, and not confirmed. */
  readonly mentioned: ReadonlySet<TagState>;
  /** Those of which the registry said that it was done. */
  readonly accepted: ReadonlySet<TagState>;
}

/**
 * Reads what restoring would need and is not known, once per digest. What this login may not read, or the registry does
 * not have whole, goes without. Throws RegistryError when the registry does not answer: then no tag should move.
 */
export async function keepOldManifests(
  moves: readonly TagState[],
  known: ReadonlyMap<Digest, Manifest> | undefined,
  log: Log,
  signal: AbortSignal,
): Promise<OldManifests> {
  const wanted = new Map<string, { repository: TagStore; digest: Digest }>();
  for (const { repository, before } of moves) {
    if (before !== undefined) wanted.set(`${repository.name}@${before}`, { repository, digest: before });
  }
  const found = await mapAll([...wanted.values()], parallelRequests, async ({ repository, digest }) => ({
    repository,
    manifest: known?.get(digest) ?? (await readOld(repository, digest, log, signal)),
  }));
  const kept = new Map<TagStore, Map<Digest, Manifest>>();
  for (const { repository, manifest } of found) {
    if (manifest === undefined) continue;
    const own = kept.get(repository) ?? new Map<Digest, Manifest>();
    kept.set(repository, own.set(manifest.digest, manifest));
  }
  return kept;
}

async function readOld(
  repository: TagStore,
  digest: Digest,
  log: Log,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const without = `${repository.name}@${digest} cannot be read, so its tags could not be put back`;
  try {
    const manifest = await repository.getManifest(digest, signal);
    if (manifest === undefined) log.warn(`${without}: the registry does not have it, though tags point at it`);
    return manifest;
  } catch (error) {
    signal.throwIfAborted();
    const isDamaged = error instanceof PluginError && error.exitCode === 7;
    if (!isDamaged && ![401, 403, 405].includes(statusOf(error) ?? 0)) throw error;
    if (isDamaged) log.warn(`${without}: ${String(error)}`);
    else log.debug(`${without}: ${String(error)}`);
    return undefined;
  }
}

/** Whether a tag can be put where it was. */
export function canPutBack({ repository, before }: TagState, oldManifests: OldManifests): boolean {
  if (before === undefined) return repository.canDeleteTags === true;
  return oldManifests.get(repository)?.has(before) === true;
}

/** What restoring is told. */
export interface RestoreOptions {
  readonly manifest: Manifest;
  readonly states: readonly TagState[];
  readonly oldManifests: OldManifests;
  readonly writes: Writes;
  readonly patience: ReplicaPatience;
  /** Look only. */
  readonly keep: boolean;
}

/** Looks at every tag and puts back those that this run moved. Never throws. */
export async function restoreTags(options: RestoreOptions, signal: AbortSignal): Promise<readonly TagOutcome[]> {
  return mapAll(options.states, parallelRequests, (state) => restoreTag(state, options, signal));
}

async function restoreTag(state: TagState, options: RestoreOptions, signal: AbortSignal): Promise<TagOutcome> {
  const { manifest, writes } = options;
  const { repository, tag, before } = state;
  const facts = { repository: repository.name, tag, ...(before === undefined ? {} : { before }) };
  if (before === manifest.digest) return { ...facts, after: before, outcome: 'unchanged' };
  // What was accepted may not show on every replica yet.
  const tries = writes.accepted.has(state) ? options.patience.tries : 1;
  const isMoved = (digest: Seen): boolean => digest !== before;
  const now = await readUntil(
    () => look(state, options, signal),
    isMoved,
    { ...options.patience, tries },
    signal,
  ).catch(() => 'unknown' as const);
  if (now === 'unknown') return { ...facts, outcome: 'unknown' };
  if (now === before) return { ...facts, ...shown(now), outcome: 'not-moved' };
  const isTried = writes.tried.has(state);
  // By this run, or by another one with the same image: it stays, and people are told to look.
  const isPerhapsOurs = !isTried && writes.mentioned.has(state);
  const stays = options.keep || isPerhapsOurs;
  if (now !== manifest.digest || !(isTried || isPerhapsOurs)) return { ...facts, ...shown(now), outcome: 'unknown' };
  const after = stays ? now : await putBack(state, options, signal);
  if (after === before) return { ...facts, ...shown(after), outcome: 'restored' };
  if (after !== manifest.digest) return { ...facts, ...(after === 'unknown' ? {} : shown(after)), outcome: 'unknown' };
  const created = stays ? 'created' : 'left-behind';
  return { ...facts, after, outcome: before === undefined ? created : 'moved' };
}

type Seen = Digest | 'unknown' | undefined;

/** Whether the request was answered does not matter: the tag itself is asked. @returns what it shows then */
async function putBack(state: TagState, options: RestoreOptions, signal: AbortSignal): Promise<Seen> {
  const { manifest, oldManifests, patience } = options;
  const { repository, tag, before } = state;
  // A manifest that no tag shows any more is still there by its digest, until a clean-up comes.
  const old =
    before === undefined
      ? undefined
      : (oldManifests.get(repository)?.get(before) ??
        (await repository.getManifest(before, signal).catch(() => undefined)));
  if (old !== undefined) {
    await repository.putManifest(old, { tag }, signal).catch(() => undefined);
  } else if (before === undefined && repository.canDeleteTags === true) {
    await repository.deleteTag?.(tag, signal).catch(() => undefined);
  } else {
    return manifest.digest;
  }
  const isOld = (digest: Seen): boolean => digest !== manifest.digest;
  return readUntil(() => look(state, options, signal), isOld, patience, signal).catch(() => 'unknown' as const);
}

function shown(digest: Digest | undefined): { readonly after?: Digest } {
  return digest === undefined ? {} : { after: digest };
}

async function look(state: TagState, { writes }: RestoreOptions, signal: AbortSignal): Promise<Seen> {
  const { repository, tag } = state;
  try {
    const digest = await seeTag(repository, tag, signal);
    if (digest !== undefined || !writes.tried.has(state)) return digest;
    return (await isHidden(repository, tag, signal)) ? 'unknown' : undefined;
  } catch {
    return 'unknown';
  }
}
