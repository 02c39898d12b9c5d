// Reads every tag back after it was set, and says what became of it. Success is what we saw, not that nobody complained.
import type { Digest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import { isHidden, readUntil } from './await-visible.ts';
import { keptOutcome } from './immutable-tags.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import type { TagState } from './restore-tags.ts';
import { seeTag } from './see-tag.ts';
import type { TagImageOptions } from './tag-image.ts';
import { replicaPatience, type TagOutcome } from './target.ts';

/**
 * The outcome of each tag, read from its registry unless `verify` is off.
 *
 * @param stays tags that were left alone on purpose
 * @throws PluginError exit 7 for a tag that was accepted and not kept; with `verify: full` 4 for one that somebody else moved on
 */
export async function readBack(
  options: Pick<TagImageOptions, 'manifest' | 'patience' | 'log' | 'verify'>,
  states: readonly TagState[],
  stays: (state: TagState) => boolean,
  signal: AbortSignal,
): Promise<readonly TagOutcome[]> {
  const { manifest, patience = replicaPatience, log, verify = 'tags' } = options;
  return mapAll(states, parallelRequests, async (state) => {
    const { repository, tag, before } = state;
    if (stays(state)) return keptOutcome(state);
    if (before === manifest.digest || verify === 'off') return outcomeOf(state, manifest.digest, manifest.digest);
    const look = () => seeTag(repository, tag, signal);
    const seen = await readUntil(look, (digest) => digest !== undefined && digest !== before, patience, signal);
    if (seen === undefined && (await isHidden(repository, tag, signal))) {
      log.warn(`${repository.name}:${tag} was accepted and could not be read back: this login may push, but not pull`);
      return outcomeOf(state, undefined, manifest.digest);
    }
    if (seen === undefined || seen === before) throw notKept(state, seen);
    if (seen !== manifest.digest) {
      if (verify === 'full') throw movedOn(state, seen);
      log.warn(`${repository.name}:${tag} was moved on to ${seen} by somebody else right after this run set it`);
    }
    return outcomeOf(state, seen, manifest.digest);
  });
}

/** What happened to a tag that shows `after` now; `ours` is what this run publishes. */
export function outcomeOf({ repository, tag, before }: TagState, after: Digest | undefined, ours: Digest): TagOutcome {
  const outcome = before === ours ? 'unchanged' : before === undefined ? 'created' : 'moved';
  return {
    repository: repository.name,
    tag,
    outcome,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}

function notKept({ repository, tag }: TagState, seen: Digest | undefined): PluginError {
  return new PluginError({
    code: 'integrity',
    exitCode: 7,
    message: `target ${repository.name} accepted tag ${tag} and still shows ${seen ?? 'nothing'} under it`,
    hint: 'the registry, or a proxy in front of it, does not keep what it is given',
  });
}

function movedOn({ repository, tag }: TagState, seen: Digest): PluginError {
  return new PluginError({
    code: 'tag-moved-on',
    exitCode: 4,
    message: `${repository.name}:${tag} was moved on to ${seen} by somebody else right after this run set it`,
    hint: 'verify: tags makes a warning of this',
  });
}
