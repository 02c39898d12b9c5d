// What is built and with what, from the settings and the build facts.
import { createHash } from 'node:crypto';
import type { BuildInfo } from '../settings/build-info.ts';
import type { Settings } from '../settings/settings.ts';
import { mergeBuildArgs } from './build-args.ts';
import type { CachePlan, CachesPlan } from './cache-plan.ts';
import { exporterAttrs } from './exporter-attrs.ts';
import { imageLabels, withoutLogin } from './labels.ts';
import { sandboxPlan, type SandboxPlan } from './sandbox-plan.ts';
import { sourceDate } from './source-date.ts';
import { sourcePlan, type SourcePlan } from './source-plan.ts';
import { repositorySlug } from './temporary-name.ts';

/** What is built. */
export interface BuildPlan extends SourcePlan {
  readonly target?: string;
  /** Empty: the daemon's own. */
  readonly platforms: readonly string[];
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly pull: boolean;
  readonly noCache: boolean;
  readonly noCacheFilter: readonly string[];
  readonly cacheFrom: readonly CachePlan[];
  readonly cacheTo: readonly CachePlan[];
  readonly annotations: NonNullable<Settings['values']['annotations']>;
  /** What the image says about its own making; `required` ones are not left out silently. */
  readonly attestations: Settings['attestations'];
  /** Addresses without brackets; `host-gateway` is left to the daemon's answer. */
  readonly addHosts: readonly { readonly host: string; readonly address: string }[];
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  readonly ssh: Settings['ssh'];
  readonly strictContext: boolean;
  /** Unix seconds. */
  readonly sourceDateEpoch?: number;
  /** What exporters of an image are told beside its name; only those that take the image out of the daemon heed it. */
  readonly exporterAttrs: Readonly<Record<string, string>>;
  readonly sandbox: SandboxPlan;
  /** Image of another Dockerfile frontend. */
  readonly frontendImage?: string;
  /** Absent: cache mounts are shared with all that build on the daemon. */
  readonly cacheMountNamespace?: string;
  /** Stable per repository and context, never per run. */
  readonly sharedKey: string;
  /** For the temporary name. */
  readonly repositorySlug: string;
  /** That name stays on the daemon. */
  readonly keepsTemporaryImage: boolean;
}

/** What the settings and the build facts say about the build. */
export function buildPlan(settings: Settings, info: BuildInfo, caches: CachesPlan, now: Date): BuildPlan {
  const { values } = settings;
  const { seconds: epoch } = sourceDate(values, info);
  return {
    ...sourcePlan(settings),
    ...(values.target === undefined ? {} : { target: values.target }),
    platforms: values.platform ?? [],
    buildArgs: mergeBuildArgs(settings.buildArgs),
    labels: imageLabels(values, info, epoch === undefined ? now : new Date(epoch * 1000)),
    pull: values.pull_image,
    noCache: values.no_cache,
    noCacheFilter: values.no_cache_filter ?? [],
    cacheFrom: caches.cacheFrom,
    cacheTo: caches.cacheTo,
    annotations: values.annotations ?? [],
    attestations: settings.attestations,
    addHosts: values.add_host ?? [],
    secrets: settings.secrets,
    ssh: settings.ssh,
    strictContext: values.strict_context,
    ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
    exporterAttrs: exporterAttrs(settings),
    sandbox: sandboxPlan(settings),
    ...(values.frontend === undefined ? {} : { frontendImage: values.frontend }),
    ...cacheMountNamespace(settings, info),
    sharedKey: sharedKey(settings, info),
    repositorySlug: repositorySlug(projectName(settings, info)),
    keepsTemporaryImage: !values.purge,
  };
}

/** The project, by what the pipeline calls it; by where its image goes when there is no pipeline. */
function projectName({ values }: Settings, info: BuildInfo): string {
  return info.repository || (values.repo?.[0]?.path ?? 'local');
}

/**
 * Cache mounts are files that one build leaves to the next: with all on a daemon, whoever may open a pull request on one
 * repository could prepare what another one installs. The repository's exact name, since different ones must not meet.
 */
function cacheMountNamespace({ values }: Settings, info: BuildInfo): { readonly cacheMountNamespace?: string } {
  const trust = isPullRequest(info) ? 'pr' : 'trusted';
  const wanted = values.cache_mount_ns ?? `${info.repository || 'local'}/${trust}`;
  return wanted === 'shared' ? {} : { cacheMountNamespace: wanted };
}

function isPullRequest({ event }: BuildInfo): boolean {
  return event.startsWith('pull');
}

/**
 * Names the daemon's copy of this project's context, so that unchanged files are not sent again. A clash costs speed, not
 * correctness: the daemon compares what it has with what we have. Builds of pull requests get a copy of their own, since
 * that comparison trusts sizes and times, which a pull request can choose.
 */
function sharedKey(settings: Settings, info: BuildInfo): string {
  const trust = isPullRequest(info) ? 'pull-request' : 'trusted';
  const { source } = settings;
  const context = source.kind === 'local' ? source.contextName : source.address;
  const identity = [projectName(settings, info), withoutLogin(info.remoteUrl), context, trust];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}
