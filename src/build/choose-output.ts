// Which way the image leaves the daemon. The containerd image store can push by digest and keep nothing; a graph-driver
// store can only hold the image under a name, which is a temporary one. No way writes a real name into the daemon.
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
