// Which way the image leaves the daemon. The containerd image store can push by digest and keep nothing, or hand the image
// over for this plugin to upload; a graph-driver store can only hold it under a name, which is a temporary one. No way writes
// a real name into the daemon.
import type { HostTrust } from '../base/certificates.ts';
import { PluginError } from '../base/plugin-error.ts';
import { containerdStoreHint } from './image-store.ts';
import type { BuildOutput } from './solve-request.ts';

export interface OutputOrder {
  /** Empty in a dry run. */
  readonly repositories: readonly { readonly domain: string; readonly path: string }[];
  /** Hosts whose certificate is not checked and which may be spoken to in plain http. */
  readonly insecureHosts: ReadonlySet<string>;
  /** Hosts whose certificate is not checked. The daemon can only be told that plain http is fine as well. */
  readonly unverifiedHosts: ReadonlySet<string>;
  readonly hostTrust: ReadonlyMap<string, HostTrust>;
  /** The way to a host leads through a proxy that the step was given. */
  readonly hasProxy: (host: string) => boolean;
  readonly imageStore: 'containerd' | 'graphdriver';
  /** Who sends the image. */
  readonly pushVia: 'auto' | 'daemon' | 'plugin';
  /** The image is wanted on the daemon: kept, or for archives that BuildKit cannot make of it. */
  readonly needsImage: boolean;
  /** For a daemon that can only hold the image under a name. */
  readonly temporaryName: string;
}

export interface ChosenOutput {
  readonly output: BuildOutput;
  /** What the reader may wonder about. */
  readonly notes: readonly string[];
  /** What may go wrong. */
  readonly warnings: readonly string[];
}

/** Throws PluginError (exit 2) when the daemon is to push and its store cannot. */
export function chooseOutput(order: OutputOrder): ChosenOutput {
  const { repositories, imageStore, pushVia, needsImage, temporaryName } = order;
  if (imageStore === 'graphdriver') {
    if (pushVia === 'daemon' && repositories.length > 0) throw cannotPush();
    const isNamed = needsImage || repositories.length > 0;
    return chosen(isNamed ? { kind: 'temporary-image', name: temporaryName } : { kind: 'nothing' });
  }
  if (repositories.length === 0) return chosen({ kind: 'nothing' });
  if (pushVia === 'plugin') return chosen({ kind: 'archive' });
  const untold = untoldHosts(order);
  if (pushVia === 'auto' && untold.size > 0) return chosen({ kind: 'archive' }, [...untold].map(uploadedHere));
  return pushedByDaemon(order, untold);
}

function chosen(output: BuildOutput, notes: readonly string[] = [], warnings: readonly string[] = []): ChosenOutput {
  return { output, notes, warnings };
}

/** One registry gets the image from the daemon; whoever publishes copies it from there to the others. */
function pushedByDaemon(order: OutputOrder, untold: ReadonlyMap<string, string>): ChosenOutput {
  const { repositories, insecureHosts, unverifiedHosts } = order;
  const hosts = [...new Set(repositories.map(({ domain }) => domain))];
  const host = hosts.find((each) => !untold.has(each)) ?? hosts[0] ?? '';
  const names = repositories.flatMap(({ domain, path }) => (domain === host ? [`${domain}/${path}`] : []));
  const output: BuildOutput = {
    kind: 'push-by-digest',
    repositories: names,
    insecure: insecureHosts.has(host) || unverifiedHosts.has(host),
  };
  const what = untold.get(host);
  return chosen(output, [], what === undefined ? [] : [notTold(host, what)]);
}

/**
 * Hosts that the step speaks to in a way that a daemon cannot be given, and what that is. Whether its administrator has
 * given it the same, only a push would show.
 */
function untoldHosts({ repositories, hostTrust, hasProxy }: OutputOrder): ReadonlyMap<string, string> {
  const hosts = new Set(repositories.map(({ domain }) => domain));
  return new Map(
    [...hosts].flatMap((host) => {
      const trust = hostTrust.get(host);
      const what = [
        ...(trust !== undefined && trust.authorities.length > 0 ? ['ca_cert'] : []),
        ...(trust?.clientPair === undefined ? [] : ['client_cert']),
        ...(hasProxy(host) ? ['a proxy'] : []),
      ];
      return what.length === 0 ? [] : [[host, what.join(' and ')] as const];
    }),
  );
}

function uploadedHere([host, what]: readonly [string, string]): string {
  return `the daemon cannot be given ${what} for ${host}, so this plugin uploads the image itself`;
}

function notTold(host: string, what: string): string {
  return `this daemon pushes to ${host} by itself and cannot be given ${what}; it needs its own, such as files in /etc/docker/certs.d/${host}`;
}

function cannotPush(): PluginError {
  return new PluginError({
    code: 'store-cannot',
    exitCode: 2,
    message: 'settings.push_via: daemon: this store cannot push by digest, because it is a graph-driver image store',
    hint: `leave push_via out, or ${containerdStoreHint}`,
  });
}
