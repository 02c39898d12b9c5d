// Logins and trust for registries, from the settings.
import { dockerHub } from '../base/registry-host.ts';
import type { DockerConfigText, Settings } from '../settings/settings.ts';

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

/** Logins and trust, by the settings. */
export function registryPlan({ values, dockerConfigs, caCertificates }: Settings): RegistryPlan {
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
