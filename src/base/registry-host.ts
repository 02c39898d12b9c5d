// Names of registry hosts: what is one, and the one spelling by which hosts are compared everywhere. Docker Hub has several
// names; which of them means what is said here and nowhere else.
import { isIPv6 } from 'node:net';

/** Docker Hub: what image names say, and where its API answers. */
export const dockerHub = { domain: 'docker.io', apiHost: 'registry-1.docker.io' } as const;

/** Also what people copy from the address bar. */
const hubNames: ReadonlySet<string> = new Set([
  dockerHub.domain,
  'index.docker.io',
  dockerHub.apiHost,
  'registry.hub.docker.com',
  'hub.docker.com',
]);

const labelGrammar = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** `host[:port]` in lower case, one name for Docker Hub. Scheme and path are cut off. */
export function registryHost(text: string): string {
  const host = (text.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').split('/', 1)[0] ?? '').toLowerCase();
  return hubNames.has(host) ? dockerHub.domain : host;
}

/** Host and port of a registry's API, from `registryHost`. */
export function apiHostOf(host: string): string {
  return host === dockerHub.domain ? dockerHub.apiHost : host;
}

/** The part of a text that keeps it from being `host[:port]`. */
export interface HostFault {
  readonly part: 'host' | 'port';
  readonly text: string;
}

/** What is wrong with a lower-case text as `host[:port]`; undefined when it is one. */
export function faultOfHost(text: string): HostFault | undefined {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(text);
  const host = match?.[1] ?? '';
  const port = match?.[2];
  const isAddress = host.startsWith('[');
  const isHost = isAddress
    ? isAddressWithoutZone(host.slice(1, -1))
    : host.split('.').every((label) => labelGrammar.test(label));
  // A URL takes a name that ends in a number for an IPv4 address, and refuses 999.1.1.1.
  if (!isHost || !URL.canParse(`https://${host}`)) return { part: 'host', text };
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    return { part: 'port', text: port };
  }
  return undefined;
}

function isAddressWithoutZone(address: string): boolean {
  return /^[0-9a-f:]+$/.test(address) && isIPv6(address);
}
