// Settings and build facts -> what this run will do. Pure: no files, no clock but `now`, no randomness. Everything that is
// decided before the daemon is asked is decided here, so that `--check` can print it.
import { createHash } from 'node:crypto';
import type { Reference } from '../base/reference.ts';
import { dockerHub } from '../base/registry-host.ts';
import type { BuildInfo } from '../settings/build-info.ts';
import type { DockerConfigText, Settings } from '../settings/settings.ts';
import { autoTags } from './auto-tags.ts';
import { mergeBuildArgs } from './build-args.ts';
import { imageLabels, withoutLogin } from './labels.ts';
import { repositorySlug } from './temporary-name.ts';

/** What a run does. */
export interface Plan {
  readonly action: { readonly kind: 'build' } | { readonly kind: 'nothing-to-do'; readonly reason: string };
  readonly daemon: DaemonPlan;
  readonly build: BuildPlan;
  /** Absent when nothing is published. */
  readonly publish?: PublishPlan;
  readonly registries: RegistryPlan;
  readonly upload: UploadPlan;
  readonly quiet: boolean;
  readonly debug: boolean;
  /** Facts for the log. */
  readonly notes: readonly string[];
  /** What the pipeline author should look at. */
  readonly warnings: readonly string[];
}

/** How the daemon is reached. */
export interface DaemonPlan {
  /** Absent: the usual sockets are searched. */
  readonly host?: string;
  readonly tlsVerify: boolean;
  /** Folder with ca.pem, cert.pem and key.pem. */
  readonly certPath?: string;
  /** PEM texts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly apiVersion?: string;
  readonly waitSeconds: number;
}

/** What is built. */
export interface BuildPlan {
  /** Absolute. */
  readonly contextDirectory: string;
  /** Absolute; may lie outside the context. */
  readonly dockerfileDirectory: string;
  /** Relative to dockerfileDirectory. */
  readonly dockerfileName: string;
  /** As the pipeline author wrote it. */
  readonly dockerfileDisplay: string;
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
  /** Stable per repository and context, never per run. */
  readonly sharedKey: string;
  /** For the temporary name. */
  readonly repositorySlug: string;
}

/** Where the image goes. */
export interface PublishPlan {
  readonly targets: readonly PublishTargetPlan[];
}

/** One repository and its tags. */
export interface PublishTargetPlan {
  readonly repository: Reference;
  readonly tags: readonly string[];
}

/** Logins and trust for registries. */
export interface RegistryPlan {
  readonly logins: readonly LoginPlan[];
  /** In the order in which they are asked, after the logins. */
  readonly configs: readonly DockerConfigText[];
  /** `host[:port]`, as a reference's domain. */
  readonly insecureHosts: ReadonlySet<string>;
  /** PEM texts. */
  readonly caCertificates: readonly string[];
}

/** A login for exactly one registry. */
export interface LoginPlan {
  /** `host[:port]`; `docker.io` for Docker Hub. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  /** Names the settings, never the value. */
  readonly source: string;
}

/** How the image travels. */
export interface UploadPlan {
  readonly retries: number;
  readonly maxConcurrentUploads: number;
  readonly compressionLevel: number;
}

/** Makes the plan. Throws PluginError (exit 2) when the git ref gives no legal tags. */
export function makePlan(settings: Settings, info: BuildInfo, now: Date): Plan {
  const { values } = settings;
  const destination = destinationOf(settings, info);
  const build = buildPlan(settings, info, now);
  const publish = settings.dryRun || destination.kind !== 'tags' ? undefined : publishPlan(settings, destination.tags);
  return {
    action: destination.kind === 'nothing' ? { kind: 'nothing-to-do', reason: destination.reason } : { kind: 'build' },
    daemon: daemonPlan(settings),
    build,
    ...(publish === undefined ? {} : { publish }),
    registries: registryPlan(settings),
    upload: {
      retries: values.retries,
      maxConcurrentUploads: values.max_concurrent_uploads,
      compressionLevel: values.compression_level,
    },
    quiet: values.quiet || ['error', 'fatal', 'panic'].includes(values.log_level),
    debug: values.debug || ['debug', 'trace'].includes(values.log_level),
    notes: [...settings.notes, ...(destination.kind === 'unpublished' ? [destination.reason] : [])],
    warnings: destination.kind === 'tags' ? destination.warnings : [],
  };
}

type Destination =
  | { readonly kind: 'tags'; readonly tags: readonly string[]; readonly warnings: readonly string[] }
  /** Build, but do not publish. */
  | { readonly kind: 'unpublished'; readonly reason: string }
  | { readonly kind: 'nothing'; readonly reason: string };

function destinationOf(settings: Settings, info: BuildInfo): Destination {
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

function publishPlan(settings: Settings, tags: readonly string[]): PublishPlan {
  return { targets: (settings.values.repo ?? []).map((repository) => ({ repository, tags })) };
}

function daemonPlan({ values }: Settings): DaemonPlan {
  const tls = {
    ...(values.docker_tls_ca === undefined ? {} : { ca: values.docker_tls_ca }),
    ...(values.docker_tls_cert === undefined ? {} : { cert: values.docker_tls_cert }),
    ...(values.docker_tls_key === undefined ? {} : { key: values.docker_tls_key }),
  };
  return {
    ...(values.docker_host === undefined ? {} : { host: values.docker_host }),
    tlsVerify: values.docker_tls_verify,
    ...(values.docker_cert_path === undefined ? {} : { certPath: values.docker_cert_path }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(values.docker_api_version === undefined ? {} : { apiVersion: values.docker_api_version }),
    waitSeconds: values.daemon_retry_count,
  };
}

function buildPlan(settings: Settings, info: BuildInfo, now: Date): BuildPlan {
  const { values, source } = settings;
  const epoch = values.source_date_epoch;
  return {
    contextDirectory: source.contextDirectory,
    dockerfileDirectory: source.dockerfileDirectory,
    dockerfileName: source.dockerfileName,
    dockerfileDisplay: source.dockerfileDisplay,
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
  const identity = [projectName(settings, info), withoutLogin(info.remoteUrl), settings.source.contextName, trust];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

function registryPlan({ values, dockerConfigs, caCertificates }: Settings): RegistryPlan {
  const { registry, username, password } = values;
  const hosts = new Set(values.insecure_registries ?? []);
  if (registry.plainHttp) hosts.add(registry.host);
  if (values.insecure) {
    const own = registry.host === dockerHub.domain ? (values.repo ?? []).map(({ domain }) => domain) : [registry.host];
    for (const host of own) if (host !== dockerHub.domain) hosts.add(host);
  }
  return {
    logins:
      username === undefined || password === undefined
        ? []
        : [{ registry: registry.host, username, password, source: 'settings username/password' }],
    configs: dockerConfigs,
    insecureHosts: hosts,
    caCertificates,
  };
}
