// Whom this process trusts and which way it goes when it speaks to registries and clouds: the same for all of them.
import { mergeTrust, type HostTrust } from '../base/certificates.ts';
import { type ProxyFor, proxyRule } from '../base/proxy.ts';
import type { Plan } from '../plan/plan.ts';
import { certificateFolders, trustInFolders } from '../registry/certificate-folders.ts';
import type { Tools } from './tools.ts';

/** What every client of the run is given. */
export interface Outgoing {
  readonly proxyFor: ProxyFor;
  /** By the host of a registry or cloud. */
  readonly trustOf: (host: string) => HostTrust;
  readonly userAgent: string;
}

/** The rules of the settings, and of the certificate folders of the machine. */
export function outgoing({ registries }: Plan, { world }: Pick<Tools, 'world'>): Outgoing {
  const folders = certificateFolders(world.env['HOME']);
  return {
    proxyFor: proxyRule(registries.proxies),
    trustOf: (host) => mergeTrust(registries.hostTrust.get(host), trustInFolders(folders, host)),
    userAgent: `docker-build/${world.version}`,
  };
}
