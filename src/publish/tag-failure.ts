// The error for tags that could not all be moved: which one failed, why, and the state of every tag. Exit 8 says that
// people may see a mixture; any other code says that all tags are as they were.
import { shortDigest } from '../base/digest.ts';
import { type ExitCode, PluginError } from '../base/plugin-error.ts';
import type { TagState } from './restore-tags.ts';
import { exitCodeOf } from './failure-facts.ts';
import type { TagOutcome } from './target.ts';

const integrityExitCode: ExitCode = 7;
const partialExitCode: ExitCode = 8;
const oldStateOutcomes: ReadonlySet<TagOutcome['outcome']> = new Set(['unchanged', 'not-moved', 'restored']);

/** Some tags of a wave were refused; the first reason stands for all. */
export class TagsRefused extends Error {
  readonly tags: readonly TagState[];

  constructor(failed: readonly { readonly move: TagState; readonly reason: unknown }[]) {
    super('tags were refused', { cause: failed[0]?.reason });
    this.tags = failed.map(({ move }) => move);
  }
}

/**
 * @param error TagsRefused, or whatever else ended the move of the tags
 * @param moves how many tags were to be moved
 */
export function tagFailure(error: unknown, moves: number, outcomes: readonly TagOutcome[]): PluginError {
  const cause = error instanceof TagsRefused ? error.cause : error;
  // A tag that is known to show somebody else's image shows nothing of ours.
  const isMixed = outcomes.some(
    ({ outcome, after }) => !oldStateOutcomes.has(outcome) && !(outcome === 'unknown' && after !== undefined),
  );
  const causeExitCode = exitCodeOf(cause);
  const said = cause instanceof Error ? cause.message : String(cause);
  return new PluginError({
    code: isMixed ? 'partial' : cause instanceof PluginError ? cause.code : 'tags-not-moved',
    exitCode: isMixed && causeExitCode !== integrityExitCode ? partialExitCode : causeExitCode,
    message: error instanceof TagsRefused ? `${whatFailed(error.tags, moves)}: ${said}` : `tagging failed: ${said}`,
    hint: cause instanceof PluginError ? cause.hint : undefined,
    details: [...(cause instanceof PluginError ? cause.details : []), ...outcomes.map(describeOutcome)],
    cause,
  });
}

/** `state: host/app:1.2 sha256:0123456789ab → sha256:ba9876543210, moved` */
export function describeOutcome({ repository, tag, before, after, outcome }: TagOutcome): string {
  const from = before === undefined ? 'absent' : shortDigest(before);
  const isForeign = outcome === 'unknown' && after !== undefined;
  const to = after === undefined ? (outcome === 'unknown' ? 'unknown' : 'absent') : shortDigest(after);
  if (isForeign) return `state: ${repository}:${tag} ${from} → ${to} (set by somebody else), ${outcome}`;
  return `state: ${repository}:${tag} ${from} → ${to}, ${outcome}`;
}

function whatFailed(tags: readonly TagState[], moves: number): string {
  const names = tags.map(({ repository, tag }) => `${repository.name}:${tag}`).join(', ');
  return `tagging failed at ${names} (${String(tags.length)} of ${String(moves)} tags)`;
}
