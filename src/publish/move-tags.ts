// Writes tags: together where the registry can, else one by one in waves. It notes what was written, so that whoever has to
// put tags back knows which of them are this run's doing.
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { exitCodeOf, statusOf } from './failure-facts.ts';
import { noTagRules, type TagRules, warnOfKept } from './immutable-tags.ts';
import { mapAll, settleAll, parallelRequests } from './parallel.ts';
import { putManifest, type Repair } from './put-manifest.ts';
import type { TagState } from './restore-tags.ts';
import { seeTag } from './see-tag.ts';
import { stageManifest } from './stage-manifest.ts';
import { TagsRefused } from './tag-failure.ts';
import type { Manifest, TagStore } from './target.ts';
import { inWaves } from './tag-waves.ts';

/** More tags than this in one PUT meet limits on the length of URLs. */
const maxTagsPerPut = 10;

/** What moving is told. */
export interface MoveOptions {
  readonly manifest: Manifest;
  /** Repositories that hold the manifest under its digest already. */
  readonly staged: ReadonlySet<TagStore>;
  readonly rules?: TagRules;
  readonly repair?: Repair;
  readonly log: Log;
  /** Whether a tag can be put back: what cannot goes last. */
  readonly canUndo: (move: TagState) => boolean;
}

/** One image's tags on their way. */
export class TagMover {
  readonly #options: MoveOptions;
  readonly #tried = new Set<TagState>();
  readonly #mentioned = new Set<TagState>();
  readonly #accepted = new Set<TagState>();

  constructor(options: MoveOptions) {
    this.#options = options;
  }

  /** Tags that were written to, whatever came of it. */
  get tried(): ReadonlySet<TagState> {
    return this.#tried;
  }

  /** Tags that a request for several named and did not seem to set: registries that do not know the form say nothing of them. */
  get mentioned(): ReadonlySet<TagState> {
    return this.#mentioned;
  }

  /** Tags of which the registry said that they were set. */
  get accepted(): ReadonlySet<TagState> {
    return this.#accepted;
  }

  /**
   * Moves all of them, wave after wave; a wave with a failure is the last one, and ends whole. Throws TagsRefused.
   *
   * @returns the tags that the registry does not let us move, where that is no failure
   */
  async move(moves: readonly TagState[], signal: AbortSignal): Promise<ReadonlySet<TagState>> {
    await this.#moveTogether(moves, signal);
    const others = moves.filter((move) => !this.#accepted.has(move));
    const kept = new Set<TagState>();
    for (const wave of inWaves(others, this.#options.canUndo)) {
      signal.throwIfAborted();
      for (const move of await this.#moveWave(wave, signal)) kept.add(move);
    }
    return kept;
  }

  /** The multi-tag PUT per repository. Whatever comes of it but a confirmation is left to the plain PUTs. */
  async #moveTogether(moves: readonly TagState[], signal: AbortSignal): Promise<void> {
    const { manifest, staged, repair } = this.#options;
    for (const [repository, own] of groupByRepository(moves)) {
      if (own.length < 2) continue;
      for (let first = 0; first < own.length; first += maxTagsPerPut) {
        const chunk = own.slice(first, first + maxTagsPerPut);
        const set = await this.#putWithTags(repository, chunk, signal);
        if (set === undefined && !staged.has(repository) && first === 0)
          await stageManifest(repository, manifest, signal, repair);
        for (const move of chunk) if (set?.has(move.tag) === true) this.#accepted.add(move);
        if (set === undefined || set.size === 0) break;
      }
    }
  }

  async #putWithTags(
    repository: TagStore,
    chunk: readonly TagState[],
    signal: AbortSignal,
  ): Promise<ReadonlySet<string> | undefined> {
    const { manifest, repair, log } = this.#options;
    const tags = chunk.map(({ tag }) => tag);
    for (const move of chunk) this.#tried.add(move);
    try {
      const target = { digest: manifest.digest, tags };
      const set = new Set((await putManifest(repository, manifest, target, signal, repair)).confirmedTags);
      for (const move of chunk) if (!set.has(move.tag)) this.#forget(move);
      return set;
    } catch (error) {
      signal.throwIfAborted();
      if (!isAboutTheForm(error)) throw error;
      await mapAll(chunk, parallelRequests, async (move) => {
        // One tag may have been set before another one was refused.
        const now = await seeTag(repository, move.tag, signal).catch(() => manifest.digest);
        if (now !== manifest.digest) this.#forget(move);
      });
      log.debug(`${repository.name} did not take ${String(tags.length)} tags in one request: ${String(error)}`);
      return undefined;
    }
  }

  /** Most likely nothing was done to it. */
  #forget(move: TagState): void {
    this.#tried.delete(move);
    this.#mentioned.add(move);
  }

  async #moveWave(wave: readonly TagState[], signal: AbortSignal): Promise<readonly TagState[]> {
    const { rules = noTagRules, log } = this.#options;
    const results = await settleAll(wave, parallelRequests, (move) => this.#moveTag(move, signal));
    const refused = results.flatMap((result, position) => {
      const move = wave[position];
      return result.status === 'rejected' && move !== undefined ? [{ move, reason: result.reason as unknown }] : [];
    });
    const failed = refused.filter(({ reason }) => !rules.keepImmutable || !isImmutable(reason));
    if (failed.length > 0) throw new TagsRefused(failed);
    for (const { move } of refused) warnOfKept(move, 'the registry', log);
    return refused.map(({ move }) => move);
  }

  /** A PUT without an answer may have worked all the same: the tag itself decides. */
  async #moveTag(move: TagState, signal: AbortSignal): Promise<void> {
    const { manifest, repair } = this.#options;
    const { repository, tag } = move;
    this.#tried.add(move);
    try {
      await putManifest(repository, manifest, { tag }, signal, repair);
    } catch (error) {
      // A registry that says that it has stored something else is not believed the opposite.
      if (exitCodeOf(error) === 7) throw error;
      const now = await seeTag(repository, tag, signal).catch(() => undefined);
      if (now !== manifest.digest) throw error;
    }
    this.#accepted.add(move);
  }
}

/** An answer to the form of the request, as opposed to a registry that does not work. */
function isAboutTheForm(error: unknown): boolean {
  if (error instanceof PluginError && error.code === 'blob-lost') return false;
  const status = statusOf(error) ?? 0;
  return (status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status)) || status === 500 || status === 501;
}

function isImmutable(reason: unknown): boolean {
  return reason instanceof PluginError && reason.code === 'tag-immutable';
}

function groupByRepository(moves: readonly TagState[]): ReadonlyMap<TagStore, readonly TagState[]> {
  const groups = new Map<TagStore, TagState[]>();
  for (const move of moves) groups.set(move.repository, [...(groups.get(move.repository) ?? []), move]);
  return groups;
}
