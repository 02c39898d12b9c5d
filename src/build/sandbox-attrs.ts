// The surroundings of RUN in the words of the dockerfile.v0 frontend. moby/buildkit frontend/dockerui/attr.go

/** The surroundings of RUN; what is missing is the daemon's own. */
export interface Sandbox {
  readonly network: 'default' | 'none' | 'host';
  readonly shmSizeBytes?: number | undefined;
  /** -1 means unlimited. */
  readonly limits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly controlGroup?: string | undefined;
  readonly entitlements: readonly string[];
}

/** As the daemon has them. */
export const usualSandbox: Sandbox = { network: 'default', limits: [], entitlements: [] };

/** Nothing for what is as usual. */
export function sandboxAttrs({ network, shmSizeBytes, limits, controlGroup }: Sandbox): readonly [string, string][] {
  const attrs: [string, string][] = [];
  if (network !== 'default') attrs.push(['force-network-mode', network]);
  if (shmSizeBytes !== undefined) attrs.push(['shm-size', String(shmSizeBytes)]);
  if (limits.length > 0) {
    attrs.push(['ulimit', limits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`).join(',')]);
  }
  if (controlGroup !== undefined) attrs.push(['cgroup-parent', controlGroup]);
  return attrs;
}
