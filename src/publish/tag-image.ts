// Points N tags, in any number of repositories, at one manifest: together where the registry can, else in waves, as
// close to all-or-nothing as registries permit (none has transactions). Whatever happens, the outcome of every tag is
// known at the end. OCI distribution-spec 1.1, "Pushing manifests"; several tags in one PUT: its section on tag lists.
import type { Log } from '../base/log.ts';
import { type Clock, systemClock } from '../base/retry.ts';
import { withGrace } from '../base/grace.ts';
import { keptOutcome, noTagRules, permittedMoves, type TagRules } from './immutable-tags.ts';
import type { TagsSeen } from './look-at-tags.ts';
import { TagMover } from './move-tags.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import type { Repair } from './put-manifest.ts';
import { canPutBack, keepOldManifests, type OldManifests, restoreTags, type TagState } from './restore-tags.ts';
import { outcomeOf, readBack } from './read-back.ts';
import { stageManifest, verifyStaged } from './stage-manifest.ts';
import { tagFailure } from './tag-failure.ts';
import {
  type Manifest,
  type PublishTarget,
  replicaPatience,
  type ReplicaPatience,
  type TagOutcome,
  type TagStore,
} from './target.ts';
import { type Content, verifyContent } from './verify-content.ts';

/** After SIGTERM: this long to finish moving tags, and this long to put them back. Ten seconds in all. */
const finishGraceMs = 5000;
const restoreGraceMs = 5000;
/** A registry that does not answer any more must not hold up the bad news for ever: two requests of full length and a half. */
const restoreRequests = 2.5;
const leastRestoreMs = 60_000;
const usualRequestTimeoutMs = 120_000;
/** A look at tags is as good as a new one for so long. */
const freshLookMs = 10_000;

/** How tags are moved, whatever the image and wherever it comes from. */
export interface TaggingOptions {
  readonly patience?: ReplicaPatience;
  /** Every tag may be moved unless told otherwise. */
  readonly rules?: TagRules;
  /** What is read back: each tag (default), also everything that the manifest refers to, or nothing. */
  readonly verify?: 'tags' | 'full' | 'off';
  /** What becomes of tags that moved before another one was refused: put back (default), or left. */
  readonly onPartialPublish?: 'restore' | 'keep';
  /** Brings again what a registry has lost of the image; without it a lost blob is the error `blob-lost`. */
  readonly repair?: Repair;
  /** How long one request may stay unanswered; restoring is limited by it. */
  readonly requestTimeoutMs?: number;
}

export interface TagImageOptions extends TaggingOptions {
  readonly manifest: Manifest;
  readonly targets: readonly PublishTarget<TagStore & Content>[];
  /** Repositories that hold the manifest under its digest already. */
  readonly staged: ReadonlySet<TagStore>;
  readonly log: Log;
  /** A look that was taken at the tags of one of the repositories; it counts as long as it is fresh. */
  readonly seen?: TagsSeen | undefined;
  /** Called before anything is written, if a tag has to move; what it throws ends the run. */
  readonly beforeMoves?: () => Promise<void> | undefined;
  readonly clock?: Clock;
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
  const seen = freshLook(options);
  const states = await readTagStates(targets, seen?.repository, seen?.digests, signal);
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
  await options.beforeMoves?.();
  const mayRestore = moves.length > 1 && onPartialPublish === 'restore';
  const oldManifests: OldManifests = mayRestore
    ? await keepOldManifests(moves, options.seen?.manifests, options.log, signal)
    : new Map();
  await stageTargets(options, moves, signal);
  return moveTags(options, states, moves, oldManifests, signal);
}

/** Somebody else may have moved a tag since; the time between looking and writing stays about as short as it can be. */
function freshLook({ seen, clock = systemClock }: TagImageOptions): TagsSeen | undefined {
  return seen !== undefined && clock.nowMs() - seen.atMs <= freshLookMs ? seen : undefined;
}

async function readTagStates(
  targets: readonly PublishTarget<TagStore>[],
  seenIn: TagStore | undefined,
  seen: TagsSeen['digests'] | undefined,
  signal: AbortSignal,
): Promise<readonly TagState[]> {
  const slots = targets.flatMap(({ repository, tags }) => [...new Set(tags)].map((tag) => ({ repository, tag })));
  return mapAll(slots, parallelRequests, async ({ repository, tag }) => {
    const isSeen = repository === seenIn && seen?.has(tag) === true;
    const before = isSeen ? seen.get(tag) : (await repository.headManifest(tag, signal))?.digest;
    return { repository, tag, ...(before === undefined ? {} : { before }) };
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
    await stageManifest(repository, manifest, signal, options.repair);
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
  const mover = new TagMover({ ...options, canUndo: (move) => canPutBack(move, oldManifests) });
  try {
    return await withGrace(signal, finishGraceMs, async (graceful) => {
      const kept = await mover.move(moves, graceful);
      const stays = (state: TagState): boolean =>
        kept.has(state) || (state.before !== manifest.digest && !moves.includes(state));
      return readBack(options, states, stays, graceful);
    });
  } catch (error) {
    const { patience = replicaPatience, requestTimeoutMs = usualRequestTimeoutMs } = options;
    const keep = options.onPartialPublish === 'keep';
    const restoring = { manifest, states, oldManifests, writes: mover, patience, keep };
    const limitMs = Math.max(leastRestoreMs, restoreRequests * requestTimeoutMs);
    const outcomes = await withGrace(signal, restoreGraceMs, (late) => restoreTags(restoring, late), limitMs);
    throw tagFailure(error, moves.length, outcomes);
  }
}
