// Logins and trust for registries, from the settings.
import { dockerHub } from '../base/registry-host.ts';
import type { DockerConfigText, Settings } from '../settings/settings.ts';
import { loginsPlan, type LoginsPlan } from './login-plan.ts';
import { placedRepositories } from './variant.ts';

/** Logins and trust for registries. */
export interface RegistryPlan extends LoginsPlan {
  /** In the order in which they are asked, after the logins. */
  readonly configs: readonly DockerConfigText[];
  /** `host[:port]`, as a reference's domain. */
  readonly insecureHosts: ReadonlySet<string>;
  /** PEM texts. */
  readonly caCertificates: readonly string[];
}

/** Logins and trust, by the settings. */
export function registryPlan(settings: Settings): RegistryPlan {
  const { values, dockerConfigs, caCertificates } = settings;
  const { registry } = values;
  const hosts = new Set(values.insecure_registries ?? []);
  if (registry.plainHttp) hosts.add(registry.host);
  if (values.insecure) {
    const own =
      registry.host === dockerHub.domain ? placedRepositories(settings).map(({ domain }) => domain) : [registry.host];
    for (const host of own) if (host !== dockerHub.domain) hosts.add(host);
  }
  return { ...loginsPlan(settings), configs: dockerConfigs, insecureHosts: hosts, caCertificates };
}
