// Where the image goes: repositories and tags, from the settings and the git ref.
import type { Reference } from '../base/reference.ts';
import type { BuildInfo } from '../settings/build-info.ts';
import type { Settings } from '../settings/settings.ts';
import { autoTags } from './auto-tags.ts';
import { expandTags } from './expand-tags.ts';
import type { Release } from './forward-tags.ts';
import { placedRepositories } from './variant.ts';

/** Where the image goes. */
export interface PublishPlan {
  readonly targets: readonly PublishTargetPlan[];
  /** Publish what does not exist yet, and leave the rest alone. */
  readonly skipExisting: boolean;
  /** Tags that may be created, but not moved: all of them, or those that match one of the patterns. */
  readonly immutableTags: 'all' | readonly string[];
  /** A tag that may not be moved stays where it is, with a warning. */
  readonly keepImmutable: boolean;
  /** Present when tags may go forward only. */
  readonly forwardOnly?: Release;
}

/** One repository and its tags. */
export interface PublishTargetPlan {
  readonly repository: Reference;
  readonly tags: readonly string[];
}

/** What the tags of a step come to. */
export type Destination =
  | {
      readonly kind: 'tags';
      readonly tags: readonly string[];
      readonly warnings: readonly string[];
      readonly release?: Release;
    }
  /** Build, but do not publish. */
  | { readonly kind: 'unpublished'; readonly reason: string }
  | { readonly kind: 'nothing'; readonly reason: string };

/** Decides the tags. Throws PluginError (exit 2) when the git ref gives no legal ones. */
export function destinationOf(settings: Settings, info: BuildInfo): Destination {
  const { values, tags } = settings;
  if (!values.auto_tag) {
    return { kind: 'tags', tags: values.expand_tag ? expandTags(tags.list) : tags.list, warnings: [] };
  }
  const outcome = autoTags({
    ref: info.ref,
    defaultBranch: info.defaultBranch,
    suffix: values.auto_tag_suffix ?? '',
    defaultTag: values.default_tag,
    latest: values.auto_tag_latest,
    depth: values.auto_tag_depth,
    prefix: values.auto_tag_prefix ?? '',
    nonSemver: values.auto_tag_non_semver,
    alsoTags: values.auto_tag_with_tags ? tags.list : [],
  });
  if (outcome.kind === 'tags') return outcome;
  const kind = values.auto_tag_fallback === 'build' ? 'unpublished' : 'nothing';
  return { kind, reason: kind === 'nothing' ? `${outcome.reason}: nothing to do` : `${outcome.reason}: not published` };
}

/** Every repository with its tags. */
export function publishPlan(settings: Settings, tags: readonly string[], release?: Release): PublishPlan {
  const { values } = settings;
  const { immutable_tags: immutable } = values;
  const wanted = [
    ...placedRepositories(settings).map((repository) => ({ repository, tags })),
    ...settings.extraTags.map(({ repository, tag }) => ({ repository, tags: [tag] })),
  ];
  return {
    targets: mergeTargets(wanted),
    skipExisting: values.skip_push_if_tag_exists,
    immutableTags: immutable === true ? 'all' : immutable === false ? [] : immutable,
    keepImmutable: values.ignore_immutable_tag_errors,
    ...(values.auto_tag_forward_only && release !== undefined ? { forwardOnly: release } : {}),
  };
}

/** One entry for each repository, each tag once, in the order of their first mention. */
export function mergeTargets(wanted: readonly PublishTargetPlan[]): readonly PublishTargetPlan[] {
  const byName = new Map<string, PublishTargetPlan>();
  for (const { repository, tags } of wanted) {
    const name = `${repository.domain}/${repository.path}`;
    const known = byName.get(name);
    byName.set(name, {
      repository: known?.repository ?? repository,
      tags: [...new Set([...(known?.tags ?? []), ...tags])],
    });
  }
  return [...byName.values()];
}
