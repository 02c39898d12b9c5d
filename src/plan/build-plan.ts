// What is built and with what, from the settings and the build facts.
import { createHash } from 'node:crypto';
import type { BuildInfo } from '../settings/build-info.ts';
import type { Settings } from '../settings/settings.ts';
import { mergeBuildArgs } from './build-args.ts';
import { exporterAttrs } from './exporter-attrs.ts';
import { imageLabels, withoutLogin } from './labels.ts';
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
  readonly cacheFrom: readonly { readonly type: string; readonly attrs: Readonly<Record<string, string>> }[];
  /** Addresses without brackets; `host-gateway` is left to the daemon's answer. */
  readonly addHosts: readonly { readonly host: string; readonly address: string }[];
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /** Text of a private key. */
  readonly sshKey?: string;
  /** Unix seconds. */
  readonly sourceDateEpoch?: number;
  /** What exporters of an image are told beside its name; only those that take the image out of the daemon heed it. */
  readonly exporterAttrs: Readonly<Record<string, string>>;
  /** Stable per repository and context, never per run. */
  readonly sharedKey: string;
  /** For the temporary name. */
  readonly repositorySlug: string;
}

/** What the settings and the build facts say about the build. */
export function buildPlan(settings: Settings, info: BuildInfo, now: Date): BuildPlan {
  const { values } = settings;
  const epoch = values.source_date_epoch;
  return {
    ...sourcePlan(settings),
    ...(values.target === undefined ? {} : { target: values.target }),
    platforms: values.platform ?? [],
    buildArgs: mergeBuildArgs(settings.buildArgs),
    labels: imageLabels(values, info, epoch === undefined ? now : new Date(epoch * 1000)),
    pull: values.pull_image,
    noCache: values.no_cache,
    noCacheFilter: values.no_cache_filter ?? [],
    cacheFrom: values.cache_from ?? [],
    addHosts: values.add_host ?? [],
    secrets: settings.secrets,
    ...(values.ssh_agent_key === undefined ? {} : { sshKey: values.ssh_agent_key }),
    ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
    exporterAttrs: exporterAttrs(settings),
    sharedKey: sharedKey(settings, info),
    repositorySlug: repositorySlug(projectName(settings, info)),
  };
}

/** The project, by what the pipeline calls it; by where its image goes when there is no pipeline. */
function projectName({ values }: Settings, info: BuildInfo): string {
  return info.repository || (values.repo?.[0]?.path ?? 'local');
}

/**
 * Names the daemon's copy of this project's context, so that unchanged files are not sent again. A clash costs speed, not
 * correctness: the daemon compares what it has with what we have. Builds of pull requests get a copy of their own, since
 * that comparison trusts sizes and times, which a pull request can choose.
 */
function sharedKey(settings: Settings, info: BuildInfo): string {
  const trust = info.event.startsWith('pull') ? 'pull-request' : 'trusted';
  const { source } = settings;
  const context = source.kind === 'local' ? source.contextName : source.address;
  const identity = [projectName(settings, info), withoutLogin(info.remoteUrl), context, trust];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}
