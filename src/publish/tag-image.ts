// Points N tags, in any number of repositories, at one manifest: together where the registry can, else in waves, as
// close to all-or-nothing as registries permit (none has transactions). Whatever happens, the outcome of every tag is
// known at the end. OCI distribution-spec 1.1, "Pushing manifests"; several tags in one PUT: its section on tag lists.
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { withGrace } from './grace.ts';
import { keptOutcome, noTagRules, permittedMoves, type TagRules, warnOfKept } from './immutable-tags.ts';
import { mapAll, settleAll } from './parallel.ts';
import { type OldManifests, keepOldManifests, restoreTags, type TagState } from './restore-tags.ts';
import { outcomeOf, readBack } from './read-back.ts';
import { stageManifest, verifyStaged } from './stage-manifest.ts';
import { tagFailure, TagsRefused } from './tag-failure.ts';
import {
  type Manifest,
  type PublishTarget,
  replicaPatience,
  type ReplicaPatience,
  type TagOutcome,
  type TagStore,
} from './target.ts';
import { waveOf, waves } from './tag-waves.ts';
import { type Content, verifyContent } from './verify-content.ts';

const parallelRequests = 6;
/** More tags than this in one PUT meet limits on the length of URLs. */
const maxTagsPerPut = 10;
/** After SIGTERM: this long to finish moving tags, and this long to put them back. Ten seconds in all. */
const finishGraceMs = 5000;
const restoreGraceMs = 5000;

/** How tags are moved, whatever the image and wherever it comes from. */
export interface TaggingOptions {
  readonly patience?: ReplicaPatience;
  /** Every tag may be moved unless told otherwise. */
  readonly rules?: TagRules;
  /** What is read back: each tag (default), also everything that the manifest refers to, or nothing. */
  readonly verify?: 'tags' | 'full' | 'off';
  /** What becomes of tags that moved before another one was refused: put back (default), or left. */
  readonly onPartialPublish?: 'restore' | 'keep';
}

export interface TagImageOptions extends TaggingOptions {
  readonly manifest: Manifest;
  readonly targets: readonly PublishTarget<TagStore & Content>[];
  /** Repositories that hold the manifest under its digest already. */
  readonly staged: ReadonlySet<TagStore>;
  readonly log: Log;
}

/**
 * Moves the tags.
 *
 * @returns one outcome per tag, in the order of the targets
 * @throws PluginError whose details say `state: ...` for every tag: exit 8 when some moved and could not be put back,
 *   else the exit code of the cause (4 by default), with all tags as before
 */
export async function tagImage(options: TagImageOptions, signal: AbortSignal): Promise<readonly TagOutcome[]> {
  const { manifest, targets, patience, verify = 'tags', onPartialPublish = 'restore' } = options;
  const states = await readTagStates(targets, signal);
  if (verify === 'full') {
    await mapAll(targets, parallelRequests, ({ repository }) => verifyContent(repository, manifest, signal, patience));
  }
  const wanted = states.filter(({ before }) => before !== manifest.digest);
  const moves = permittedMoves(wanted, options.rules ?? noTagRules, options.log);
  if (moves.length === 0) {
    return states.map((state) =>
      wanted.includes(state) ? keptOutcome(state) : outcomeOf(state, manifest.digest, manifest.digest),
    );
  }
  const mayRestore = moves.length > 1 && onPartialPublish === 'restore';
  const oldManifests = mayRestore ? await keepOldManifests(moves, options.log, signal) : new Map();
  await stageTargets(options, moves, signal);
  return moveTags(options, states, moves, oldManifests, signal);
}

async function readTagStates(
  targets: readonly PublishTarget<TagStore>[],
  signal: AbortSignal,
): Promise<readonly TagState[]> {
  const slots = targets.flatMap(({ repository, tags }) => [...new Set(tags)].map((tag) => ({ repository, tag })));
  return mapAll(slots, parallelRequests, async ({ repository, tag }) => {
    const head = await repository.headManifest(tag, signal);
    return { repository, tag, ...(head === undefined ? {} : { before: head.digest }) };
  });
}

/**
 * No tag moves before every repository has the manifest. A single repository that gets several tags is left out: there
 * the one PUT that sets them brings the manifest along.
 */
async function stageTargets(options: TagImageOptions, moves: readonly TagState[], signal: AbortSignal): Promise<void> {
  const { manifest, patience = replicaPatience } = options;
  const repositories = [...new Set(moves.map(({ repository }) => repository))];
  if (repositories.length === 1 && moves.length > 1) return;
  const missing = repositories.filter((repository) => !options.staged.has(repository));
  await mapAll(missing, parallelRequests, async (repository) => {
    await stageManifest(repository, manifest, signal);
    if (repositories.length > 1 && options.verify !== 'off') await verifyStaged(repository, manifest, signal, patience);
  });
}

async function moveTags(
  options: TagImageOptions,
  states: readonly TagState[],
  moves: readonly TagState[],
  oldManifests: OldManifests,
  signal: AbortSignal,
): Promise<readonly TagOutcome[]> {
  const { manifest } = options;
  try {
    return await withGrace(signal, finishGraceMs, async (graceful) => {
      const confirmed = await moveTogether(options, moves, graceful);
      const others = moves.filter((move) => !confirmed.has(move));
      const kept = await moveInWaves(options, others, graceful);
      const stays = (state: TagState): boolean =>
        kept.has(state) || (state.before !== manifest.digest && !moves.includes(state));
      return readBack(options, states, stays, graceful);
    });
  } catch (error) {
    const outcomes = await withGrace(signal, restoreGraceMs, (graceful) =>
      restoreTags(manifest, states, oldManifests, graceful),
    );
    throw tagFailure(error, moves.length, outcomes);
  }
}

/** The multi-tag PUT per repository. Whatever comes of it but a confirmation is left to the plain PUTs. */
async function moveTogether(
  options: TagImageOptions,
  moves: readonly TagState[],
  signal: AbortSignal,
): Promise<ReadonlySet<TagState>> {
  const { manifest, staged, log } = options;
  const confirmed = new Set<TagState>();
  for (const [repository, own] of groupByRepository(moves)) {
    if (own.length < 2) continue;
    for (let first = 0; first < own.length; first += maxTagsPerPut) {
      const chunk = own.slice(first, first + maxTagsPerPut);
      const set = await putWithTags(repository, manifest, chunk, log, signal);
      if (set === undefined && !staged.has(repository) && first === 0)
        await stageManifest(repository, manifest, signal);
      for (const move of chunk) if (set?.has(move.tag) === true) confirmed.add(move);
      if (set === undefined || set.size === 0) break;
    }
  }
  return confirmed;
}

async function putWithTags(
  repository: TagStore,
  manifest: Manifest,
  chunk: readonly TagState[],
  log: Log,
  signal: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  const tags = chunk.map(({ tag }) => tag);
  try {
    const { confirmedTags } = await repository.putManifest(manifest, { digest: manifest.digest, tags }, signal);
    return new Set(confirmedTags);
  } catch (error) {
    signal.throwIfAborted();
    log.debug(`${repository.name} did not take ${String(tags.length)} tags in one request: ${String(error)}`);
    return undefined;
  }
}

/**
 * Ends after the first wave with a failure, once all of that wave have ended. Throws TagsRefused.
 *
 * @returns the tags that the registry does not let us move, where that is no failure
 */
async function moveInWaves(
  { manifest, log, rules = noTagRules }: TagImageOptions,
  moves: readonly TagState[],
  signal: AbortSignal,
): Promise<ReadonlySet<TagState>> {
  const kept = new Set<TagState>();
  for (const wave of waves) {
    const members = moves.filter(({ tag }) => waveOf(tag) === wave);
    if (members.length > 0) signal.throwIfAborted();
    const results = await settleAll(members, parallelRequests, (move) => moveTag(manifest, move, signal));
    const refused = results.flatMap((result, position) => {
      const move = members[position];
      return result.status === 'rejected' && move !== undefined ? [{ move, reason: result.reason as unknown }] : [];
    });
    const failed = refused.filter(({ reason }) => !rules.keepImmutable || !isImmutable(reason));
    if (failed.length > 0) throw new TagsRefused(failed);
    for (const { move } of refused) {
      warnOfKept(move, 'the registry', log);
      kept.add(move);
    }
  }
  return kept;
}

function isImmutable(reason: unknown): boolean {
  return reason instanceof PluginError && reason.code === 'tag-immutable';
}

/** A PUT without an answer may have worked all the same: the tag itself decides. */
async function moveTag(manifest: Manifest, { repository, tag }: TagState, signal: AbortSignal): Promise<void> {
  try {
    await repository.putManifest(manifest, { tag }, signal);
  } catch (error) {
    const now = await repository.headManifest(tag, signal).catch(() => undefined);
    if (now?.digest !== manifest.digest) throw error;
  }
}

function groupByRepository(moves: readonly TagState[]): ReadonlyMap<TagStore, readonly TagState[]> {
  const groups = new Map<TagStore, TagState[]>();
  for (const move of moves) groups.set(move.repository, [...(groups.get(move.repository) ?? []), move]);
  return groups;
}
