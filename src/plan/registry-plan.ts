// Logins and trust for registries, and the proxies on the way to them, from the settings.
import type { HostTrust } from '../base/certificates.ts';
import type { ProxySettings } from '../base/proxy.ts';
import { dockerHub } from '../base/registry-host.ts';
import type { DockerConfigText, Settings } from '../settings/settings.ts';
import { loginsPlan, type LoginsPlan } from './login-plan.ts';
import { placedRepositories } from './variant.ts';

/** Logins and trust for registries. Hosts are `host[:port]`, as a reference's domain. */
export interface RegistryPlan extends LoginsPlan {
  /** In the order in which they are asked, after the logins. */
  readonly configs: readonly DockerConfigText[];
  /** TLS is not verified there, and may be missing. */
  readonly insecureHosts: ReadonlySet<string>;
  /** TLS is not verified there. */
  readonly unverifiedHosts: ReadonlySet<string>;
  /** PEM texts, for every host. */
  readonly caCertificates: readonly string[];
  readonly hostTrust: ReadonlyMap<string, HostTrust>;
  /** Hosts that may issue tokens for registries of another house. */
  readonly tokenHosts: ReadonlySet<string>;
  readonly proxies: ProxySettings;
}

/** Logins and trust, by the settings. */
export function registryPlan(settings: Settings): RegistryPlan {
  const { values, dockerConfigs, trust } = settings;
  const { registry, skip_tls_verify: unverified } = values;
  const own = ownHosts(settings);
  return {
    ...loginsPlan(settings),
    configs: dockerConfigs,
    insecureHosts: new Set([
      ...(values.insecure_registries ?? []),
      ...(registry.plainHttp ? [registry.host] : []),
      ...(values.insecure ? own : []),
    ]),
    unverifiedHosts: new Set(typeof unverified === 'boolean' ? (unverified ? own : []) : unverified),
    caCertificates: trust.authorities.flatMap(({ host, pem }) => (host === undefined ? [pem] : [])),
    hostTrust: hostTrust(trust, own),
    tokenHosts: new Set(values.token_hosts ?? []),
    proxies: { http: values.http_proxy, https: values.https_proxy, no: values.no_proxy },
  };
}

/** What settings without a host are about: `registry`, or where `repo` is. Never Docker Hub, whose TLS is in order. */
function ownHosts(settings: Settings): readonly string[] {
  const { host } = settings.values.registry;
  const hosts = host === dockerHub.domain ? placedRepositories(settings).map(({ domain }) => domain) : [host];
  return hosts.filter((host) => host !== dockerHub.domain);
}

function hostTrust(
  { authorities, clientPairs }: Settings['trust'],
  own: readonly string[],
): ReadonlyMap<string, HostTrust> {
  const trusts = new Map<string, HostTrust>();
  const at = (host: string): HostTrust => trusts.get(host) ?? { authorities: [] };
  for (const { host, pem } of authorities) {
    if (host !== undefined) trusts.set(host, { ...at(host), authorities: [...at(host).authorities, pem] });
  }
  // A pair that names its host wins over one for all.
  const pairs = [...clientPairs].sort((a, b) => Number(a.host !== undefined) - Number(b.host !== undefined));
  for (const { host, pair } of pairs) {
    for (const one of host === undefined ? own : [host]) trusts.set(one, { ...at(one), clientPair: pair });
  }
  return trusts;
}
