// Where an image that is not built comes from (`push_only`): a registry, the daemon, or a file. A name means the registry,
// unless the settings say otherwise: what a name means in the daemon is decided by whoever wrote it there last.
import { PluginError } from '../base/plugin-error.ts';
import { parseReference, type Reference } from '../base/reference.ts';
import type { Settings } from '../settings/settings.ts';
import type { PublishPlan, PublishTargetPlan } from './destination-plan.ts';
import { unnamedRegistry } from './variant.ts';

/** What is copied; `display` is its name for people. */
export type CopySource =
  | { readonly kind: 'registry'; readonly display: string; readonly reference: Reference }
  /** `name` as the engine takes it: a name with tag or digest, or an image id. */
  | { readonly kind: 'daemon'; readonly display: string; readonly name: string }
  | { readonly kind: 'archive'; readonly display: string; readonly path: string; readonly isDirectory: boolean };

/** What is published in the place of a build. */
export interface CopyPlan {
  readonly source: CopySource;
  /** Of an index the image of this platform alone, `os/arch[/variant]`. */
  readonly platform?: string;
  /** Also what refers to the image. */
  readonly referrers: boolean;
}

/** No registry can have it: such a name is one of this plugin in a daemon. */
const temporaryDomain = 'docker-build.invalid';

/** Decides what is copied, and where to. Throws PluginError (exit 2) when the source is all that would be published. */
export function copyPlan(
  settings: Settings,
  wanted: PublishPlan,
): { readonly copy: CopyPlan; readonly publish: PublishPlan } {
  const { source, publish } = sourceAndTargets(settings, wanted);
  const { referrers, platform } = settings.values;
  const [only] = platform ?? [];
  return { copy: { source, referrers, ...(only === undefined ? {} : { platform: only }) }, publish };
}

function sourceAndTargets(
  { values, archive }: Settings,
  publish: PublishPlan,
): { readonly source: CopySource; readonly publish: PublishPlan } {
  if (archive !== undefined) return { source: { kind: 'archive', ...archive }, publish };
  const { source_image: image, source_from: from } = values;
  if (image?.kind === 'id') return { source: daemonSource(image.id), publish };
  if (image?.kind === 'name') {
    const isLocal = from === 'daemon' || (from === 'auto' && image.reference.domain === temporaryDomain);
    return { source: isLocal ? daemonSource(image.reference.familiar) : registrySource(image.reference), publish };
  }
  const first = firstTarget(publish);
  // In the daemon it is an image like any other; in the registry it is there already.
  if (from === 'daemon') return { source: daemonSource(first.familiar), publish };
  return { source: registrySource(first), publish: { ...publish, targets: without(publish.targets, first) } };
}

/** The same with the registry that a cloud has named in the place of the unnamed one. */
export function copyPlanAt(host: string, copy: CopyPlan): CopyPlan {
  const { source } = copy;
  if (source.kind !== 'registry' || source.reference.domain !== unnamedRegistry) return copy;
  const { path, tag = 'latest' } = source.reference;
  return { ...copy, source: registrySource(parseReference(`${host}/${path}:${tag}`)) };
}

function daemonSource(name: string): CopySource {
  return { kind: 'daemon', name, display: `${name} of the daemon` };
}

function registrySource(reference: Reference): CopySource {
  return { kind: 'registry', reference, display: reference.familiar };
}

function firstTarget({ targets }: PublishPlan): Reference {
  const [target] = targets;
  const [tag] = target?.tags ?? [];
  if (target === undefined || tag === undefined) throw new Error('nothing to publish to');
  return parseReference(`${target.repository.familiar}:${tag}`);
}

function without(
  targets: readonly PublishTargetPlan[],
  { path, domain, tag }: Reference,
): readonly PublishTargetPlan[] {
  const rest = targets
    .map(({ repository, tags }) => {
      const isSource = repository.path === path && repository.domain === domain;
      return { repository, tags: isSource ? tags.filter((other) => other !== tag) : tags };
    })
    .filter(({ tags }) => tags.length > 0);
  if (rest.length > 0) return rest;
  throw new PluginError({
    code: 'nothing-to-copy',
    exitCode: 2,
    message: `settings.push_only: without source_image, the source is the first repository and tag, and there is no other one to publish it to`,
    hint: 'set source_image, or add a repository or a tag',
  });
}
