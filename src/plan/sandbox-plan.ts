// In what surroundings RUN runs, from the settings.
import type { Settings } from '../settings/settings.ts';

/** The surroundings of RUN; what is missing is the daemon's own. */
export interface SandboxPlan {
  readonly network: 'default' | 'none' | 'host';
  readonly shmSizeBytes?: number;
  /** -1 means unlimited. */
  readonly limits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly controlGroup?: string;
  /** What the daemon has to allow; it may refuse. */
  readonly entitlements: readonly string[];
}

/** The surroundings of RUN, by the settings. */
export function sandboxPlan({ values }: Settings): SandboxPlan {
  const { network, shm_size: shmSize, cgroup_parent: parent } = values;
  const asked = new Set<string>(values.allow ?? []);
  if (network === 'host') asked.add('network.host');
  return {
    network,
    ...(shmSize === undefined ? {} : { shmSizeBytes: shmSize }),
    limits: values.ulimit ?? [],
    ...(parent === undefined ? {} : { controlGroup: parent }),
    entitlements: [...asked],
  };
}
