// Which way the image leaves the daemon. The containerd image store can push by digest and keep nothing; a graph-driver
// store can only hold the image under a name, which is a temporary one. No way writes a real name into the daemon.
import type { HostTrust } from '../base/certificates.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { BuildOutput } from './solve-request.ts';

export interface OutputOrder {
  /** Empty in a dry run. */
  readonly repositories: readonly { readonly domain: string; readonly path: string }[];
  /** Hosts whose certificate is not checked and which may be spoken to in plain http. */
  readonly insecureHosts: ReadonlySet<string>;
  /** Hosts whose certificate is not checked. The daemon can only be told that plain http is fine as well. */
  readonly unverifiedHosts: ReadonlySet<string>;
  readonly imageStore: 'containerd' | 'graphdriver';
  /** The image is wanted on the daemon: kept, or for archives that BuildKit cannot make of it. */
  readonly needsImage: boolean;
  /** For a daemon that can only hold the image under a name. */
  readonly temporaryName: string;
}

/** Throws PluginError (exit 2) when the daemon could not be told to trust some of the registries and not the others. */
export function chooseOutput(order: OutputOrder): BuildOutput {
  const { repositories, insecureHosts, unverifiedHosts, imageStore, needsImage, temporaryName } = order;
  if (imageStore === 'graphdriver' && (needsImage || repositories.length > 0)) {
    return { kind: 'temporary-image', name: temporaryName };
  }
  if (repositories.length === 0) return { kind: 'nothing' };
  const insecure = repositories.filter(({ domain }) => insecureHosts.has(domain) || unverifiedHosts.has(domain));
  if (insecure.length > 0 && insecure.length < repositories.length) {
    throw new PluginError({
      code: 'mixed-trust',
      exitCode: 2,
      message: `settings.insecure: ${insecure.map(({ domain }) => domain).join(', ')} would have to be trusted together with the other registries of repo`,
      hint: 'publish to insecure registries in a step of their own',
    });
  }
  const names = repositories.map(({ domain, path }) => `${domain}/${path}`);
  return { kind: 'push-by-digest', repositories: names, insecure: insecure.length > 0 };
}

/**
 * What to say before a build whose daemon will push by itself to hosts that have a trust of their own: it cannot be told.
 * Whether its administrator has, only the push will show.
 */
export function untoldTrust(output: BuildOutput, hostTrust: ReadonlyMap<string, HostTrust>): readonly string[] {
  if (output.kind !== 'push-by-digest') return [];
  const hosts = new Set(output.repositories.map((name) => name.slice(0, name.indexOf('/'))));
  return [...hosts].flatMap((host) => {
    const trust = hostTrust.get(host);
    if (trust === undefined) return [];
    const what = [...(trust.authorities.length > 0 ? ['ca_cert'] : []), ...(trust.clientPair ? ['client_cert'] : [])];
    return [
      `this daemon pushes to ${host} by itself and cannot be given ${what.join(' and ')}; it needs files of its own in /etc/docker/certs.d/${host}`,
    ];
  });
}
