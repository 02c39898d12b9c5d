// Tags that may be created, but not moved. Some registries enforce that themselves; this rule is ours, and it is judged
// for every tag before the first one moves.
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { TagState } from './restore-tags.ts';
import { type Digest, shortDigest } from '../base/digest.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import type { PublishTarget, TagOutcome, TagStore } from './target.ts';

/** Which tags may not be moved, and what happens when one would have to be. */
export interface TagRules {
  /** All of them, or those that match one of the patterns, in which `*` and `?` stand for any text. */
  readonly immutableTags: 'all' | readonly string[];
  /** A tag that may not be moved, by this rule or by the registry's, stays where it is with a warning. */
  readonly keepImmutable: boolean;
}

/** Every tag may be moved. */
export const noTagRules: TagRules = { immutableTags: [], keepImmutable: false };

/** Those of the moves that the rules permit. Throws PluginError (exit 4) when one is not permitted and must not be kept. */
export function permittedMoves(
  moves: readonly TagState[],
  { immutableTags, keepImmutable }: TagRules,
  log: Log,
): readonly TagState[] {
  const isImmutable = tagMatcher(immutableTags);
  const refused = moves.filter(({ before, tag }) => before !== undefined && isImmutable(tag));
  if (refused.length === 0) return moves;
  if (!keepImmutable) throw immutable(refused);
  for (const state of refused) warnOfKept(state, 'immutable_tags', log);
  return moves.filter((move) => !refused.includes(move));
}

/** The same long before the tags move, for those of which it is certain already; of what is kept is spoken then. */
export function refuseMoves(certain: readonly TagState[], rules: TagRules, log: Log): void {
  if (!rules.keepImmutable) permittedMoves(certain, rules, log);
}

/** Looks at tags that may not be moved, before much is sent for nothing. A registry that does not answer is asked later. */
export async function refuseEarly(
  targets: readonly PublishTarget<TagStore>[],
  ours: Digest,
  rules: TagRules,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  if (rules.keepImmutable) return;
  const isImmutable = tagMatcher(rules.immutableTags);
  const slots = targets.flatMap(({ repository, tags }) => [...new Set(tags)].map((tag) => ({ repository, tag })));
  const found = await mapAll(
    slots.filter(({ tag }) => isImmutable(tag)),
    parallelRequests,
    async ({ repository, tag }) => {
      const head = await repository.headManifest(tag, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        log.debug(`${repository.name}:${tag} could not be looked at before the upload: ${String(error)}`);
      });
      return head === undefined || head.digest === ours ? [] : [{ repository, tag, before: head.digest }];
    },
  );
  refuseMoves(found.flat(), rules, log);
}

/** Says that a tag stays; `by` is who does not let it move. */
export function warnOfKept({ repository, tag, before }: TagState, by: string, log: Log): void {
  log.warn(`${repository.name}:${tag} stays at ${before ?? 'what it is'}: ${by} does not let it move`);
}

/** The outcome of a tag that was not moved on purpose. */
export function keptOutcome({ repository, tag, before }: TagState): TagOutcome {
  const digests = before === undefined ? {} : { before, after: before };
  return { repository: repository.name, tag, outcome: 'kept', ...digests };
}

function immutable(refused: readonly TagState[]): PluginError {
  const names = refused.map(({ repository, tag }) => `${repository.name}:${tag}`).join(', ');
  return new PluginError({
    code: 'tag-immutable',
    exitCode: 4,
    message: `${names} would have to be moved to another image, and immutable_tags forbids that; no tag was touched`,
    hint: 'publish under a new tag; skip_push_if_tag_exists: true leaves existing tags alone, ignore_immutable_tag_errors: true goes on with a warning',
    details: refused.map(
      ({ repository, tag, before }) =>
        `state: ${repository.name}:${tag} ${before === undefined ? 'absent' : shortDigest(before)}, not-moved`,
    ),
  });
}

function tagMatcher(immutableTags: TagRules['immutableTags']): (tag: string) => boolean {
  if (immutableTags === 'all') return () => true;
  const patterns = immutableTags.map(
    (pattern) => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')}$`),
  );
  return (tag) => patterns.some((pattern) => pattern.test(tag));
}
