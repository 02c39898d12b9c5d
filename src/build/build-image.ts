// Has the image built: offers the context, the logins, the secrets and the SSH key to the daemon's BuildKit and waits for
// its terminal answer. What comes back is what the daemon said, checked for shape; nothing is guessed.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest, type Digest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { Dial } from '../buildkit/dial.ts';
import { authCapability, type TokenSource } from '../buildkit/session/auth.ts';
import type { SessionCapability } from '../buildkit/session/capability.ts';
import { fileSyncCapability } from '../buildkit/session/filesync.ts';
import { secretsCapability } from '../buildkit/session/secrets.ts';
import { parseAgentKey, sshCapability, type SshIdentity } from '../buildkit/session/ssh.ts';
import { SolveError } from '../buildkit/solve-error.ts';
import { solve } from '../buildkit/solve.ts';
import type { StatusUpdate } from '../buildkit/status.ts';
import { BuildFailure } from './build-failure.ts';
import { buildContext, type BuildFiles } from './build-context.ts';
import { receiveExports, type ExtraExporter } from './exported-files.ts';
import type { ExportTarget } from '../buildkit/session/file-send.ts';
import type { AnnotationOrder } from './fit-annotations.ts';
import { openLocalCaches } from './local-caches.ts';
import { watchForCredentials } from './credential-files.ts';
import { solveRequest, type BuildInputs, type BuildOutput } from './solve-request.ts';

export interface BuildOrder extends Omit<BuildInputs, keyof BuildFiles>, BuildFiles {
  readonly annotations: readonly AnnotationOrder[];
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /** At most one for each id of `RUN --mount=type=ssh`. */
  readonly ssh: readonly SshOffer[];
  /** Files with logins end the build instead of causing a warning. */
  readonly strictContext: boolean;
  /** Stable per repository and context, so that an unchanged context is not sent again. */
  readonly sharedKey: string;
}

/** What steps may sign with under an id: private key texts, or an agent of this machine. */
export type SshOffer =
  { readonly id: string; readonly keys: readonly string[] } | { readonly id: string; readonly agentSocket: string };

/** What a daemon can do, as the engine reported it. */
export interface Builder {
  readonly dial: Dial;
  readonly imageStore: 'containerd' | 'graphdriver';
  /** Platforms that the daemon can run, e.g. `linux/amd64`. */
  readonly platforms: readonly string[];
  readonly hostGatewayAddress?: string | undefined;
  /** It heeds limits of RUN; older ones ignore them. */
  readonly limitsRun: boolean;
}

/** What a build left, and where. */
export type BuiltImage =
  /** Pushed by the daemon to these repositories (`host/path`), by the digest of its manifest or index. */
  | { readonly kind: 'pushed'; readonly digest: Digest; readonly repositories: readonly string[] }
  /** Handed over as an archive; `digest` is that of its manifest or index. */
  | { readonly kind: 'received'; readonly digest: Digest }
  /** In the daemon under a temporary name; `id` is the digest of its config. */
  | { readonly kind: 'stored'; readonly name: string; readonly id: Digest }
  /** In the build cache only. */
  | { readonly kind: 'cached' };

/** What this side brings to a build, ready before any connection is made. */
export interface PreparedBuild {
  readonly order: BuildOrder;
  readonly capabilities: readonly SessionCapability[];
  /** For the line in a failure message, on engines that do not tell it. */
  readonly dockerfileText: string;
  /** To be called when the build is done. @param written the caches that the daemon was asked to write */
  readonly keepCaches: (written: BuildOrder['cacheTo']) => Promise<void>;
}

/** Opens the context and parses the SSH key. Throws PluginError (exit 2) when one of them is no good. */
export async function prepareBuild(order: BuildOrder, log: Log): Promise<PreparedBuild> {
  const capabilities: SessionCapability[] = [
    fileSyncCapability({ directories: buildContext(order), log, watch: watchForCredentials(order.strictContext, log) }),
  ];
  if (order.secrets.size > 0) capabilities.push(secretsCapability(order.secrets));
  if (order.ssh.length > 0) capabilities.push(sshCapability(await identitiesOf(order.ssh)));
  const local = await openLocalCaches(order, log);
  capabilities.push(...local.capabilities);
  return {
    order: { ...order, ...local.caches },
    capabilities,
    dockerfileText: await readDockerfile(order),
    keepCaches: local.finish.bind(local),
  };
}

/** A file that cannot be read is the build's own failure, in its own words; one that the daemon fetches is unknown here. */
async function readDockerfile({ source, dockerfileName }: BuildFiles): Promise<string> {
  if (source.kind === 'remote') return '';
  return readFile(join(source.dockerfileDirectory, dockerfileName), 'utf8').catch(() => '');
}

/** The same build once more when all its steps are done: they come from the cache, also where none was to be used. */
export function onceMore(prepared: PreparedBuild): PreparedBuild {
  return { ...prepared, order: { ...prepared.order, noCache: false, noCacheFilter: [] } };
}

/** The same after it has succeeded: its cache has been exported already. */
export function fromCache(prepared: PreparedBuild): PreparedBuild {
  const { order, ...others } = onceMore(prepared);
  return { ...others, order: { ...order, cacheTo: [] } };
}

async function identitiesOf(offers: readonly SshOffer[]): Promise<ReadonlyMap<string, SshIdentity>> {
  const identities = offers.map(async (offer): Promise<readonly [string, SshIdentity]> => {
    const { id } = offer;
    return [id, 'agentSocket' in offer ? offer : await Promise.all(offer.keys.map((text) => parseAgentKey(text)))];
  });
  return new Map(await Promise.all(identities));
}

/** Runs one build. Throws BuildFailure (what failed in the build), another PluginError, or the signal's reason. */
export async function buildImage(
  { order, capabilities, dockerfileText, keepCaches }: PreparedBuild,
  options: {
    readonly builder: Builder;
    readonly output: BuildOutput;
    /** Takes the image, where the output is an archive. */
    readonly archive?: ExportTarget | undefined;
    /** Outputs beside the main one. */
    readonly extras?: readonly ExtraExporter[];
    readonly tokens: TokenSource;
    readonly onStatus: (status: StatusUpdate) => void;
    /** Called when the daemon is known to be done: no image appears there after this. */
    readonly onEnded: () => void;
    readonly log: Log;
  },
  signal: AbortSignal,
): Promise<BuiltImage> {
  const { builder, output, archive, extras = [], tokens, onStatus, onEnded, log } = options;
  const request = solveRequest(order, output, builder.hostGatewayAddress);
  const main = request.exporters.map((exporter) =>
    archive === undefined ? exporter : { ...exporter, target: archive },
  );
  const exporters: readonly ExtraExporter[] = [...extras, ...main];
  const received = receiveExports(exporters);
  const result = await solve({
    ...request,
    exporters: exporters.map(({ type, attrs }) => ({ type, attrs })),
    dial: builder.dial,
    sharedKey: order.sharedKey,
    capabilities: [...capabilities, authCapability(tokens), ...received.capabilities],
    dockerfile: { filename: order.dockerfileName, text: dockerfileText },
    onStatus,
    onEnded,
    log,
    signal,
  }).catch((error: unknown) => {
    if (error instanceof SolveError) throw received.failure() ?? new BuildFailure(error, order);
    throw error;
  });
  await keepCaches(order.cacheTo);
  if (output.kind === 'nothing') return { kind: 'cached' };
  const digest = exportedDigest(result.exporterResponse);
  switch (output.kind) {
    case 'push-by-digest':
      return { kind: 'pushed', digest, repositories: output.repositories };
    case 'archive':
      return { kind: 'received', digest };
    case 'temporary-image':
      return { kind: 'stored', name: output.name, id: digest };
  }
}

function exportedDigest(response: Readonly<Record<string, string>>): Digest {
  const digest = response['containerimage.digest'];
  if (digest !== undefined && isDigest(digest)) return digest;
  throw new PluginError({
    code: 'no-digest',
    exitCode: 7,
    message: 'build: the daemon reported success without an image digest',
  });
}
