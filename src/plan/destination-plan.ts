// Where the image goes: repositories and tags, from the settings and the git ref.
import type { Reference } from '../base/reference.ts';
import type { BuildInfo } from '../settings/build-info.ts';
import type { Settings } from '../settings/settings.ts';
import { autoTags } from './auto-tags.ts';

/** Where the image goes. */
export interface PublishPlan {
  readonly targets: readonly PublishTargetPlan[];
}

/** One repository and its tags. */
export interface PublishTargetPlan {
  readonly repository: Reference;
  readonly tags: readonly string[];
}

/** What the tags of a step come to. */
export type Destination =
  | { readonly kind: 'tags'; readonly tags: readonly string[]; readonly warnings: readonly string[] }
  /** Build, but do not publish. */
  | { readonly kind: 'unpublished'; readonly reason: string }
  | { readonly kind: 'nothing'; readonly reason: string };

/** Decides the tags. Throws PluginError (exit 2) when the git ref gives no legal ones. */
export function destinationOf(settings: Settings, info: BuildInfo): Destination {
  const { values, tags } = settings;
  if (!values.auto_tag) return { kind: 'tags', tags: tags.list, warnings: [] };
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
export function publishPlan(settings: Settings, tags: readonly string[]): PublishPlan {
  return { targets: (settings.values.repo ?? []).map((repository) => ({ repository, tags })) };
}
