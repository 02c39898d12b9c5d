// Keeps a registry from sending us into networks that it is not part of itself: a token server, redirect or upload Location
// on loopback, link-local or private addresses is dialled only when the registry lies in such a network too. The check
// is made on the address that is dialled, not on the name. Address ranges: IANA special-purpose registries (RFC 6890).
import { lookup as resolveName, type LookupAddress } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { ForbiddenTarget } from './redirect.ts';

/** What kind of network an address is in. */
export type Reach = 'public' | 'private' | 'link-local' | 'loopback';

const ranges: readonly { readonly reach: Reach; readonly list: BlockList }[] = [
  { reach: 'loopback', list: blockList(['127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128']) },
  // 169.254.169.254 is where clouds hand out the machine's own credentials; fd00:ec2::254 is private below.
  { reach: 'link-local', list: blockList(['169.254.0.0/16', 'fe80::/10']) },
  {
    reach: 'private',
    list: blockList(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']),
  },
];

function blockList(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', prefix = ''] = subnet.split('/');
    list.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** Which network an address is in. IPv4 addresses in IPv6 clothes count as what they are. */
export function reachOf(address: string): Reach {
  const plain = address.replace(/^\[|\]$/g, '');
  const family = isIPv6(plain) ? 'ipv6' : 'ipv4';
  return ranges.find(({ list }) => list.check(plain, family))?.reach ?? 'public';
}

/** Names that stand for this machine. */
export function isLoopbackHost(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/^\[|\]$/g, '');
  if (isIP(name) !== 0) return reachOf(name) === 'loopback';
  return name === 'localhost' || name.endsWith('.localhost');
}

/** What one registry has shown about where it is; a lookup function for itself, and one for hosts that it names. */
export class Neighbourhood {
  readonly #reaches = new Set<Reach>(['public']);
  /** The registry's, as URLs write it. */
  readonly host: string;
  readonly #hostname: string;

  /** @param host `host[:port]` at which the registry's API answers */
  constructor(host: string) {
    const { host: inUrls, hostname } = new URL(`https://${host}`);
    this.host = inUrls;
    this.#hostname = hostname;
    if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) this.#reaches.add(reachOf(hostname));
  }

  /** For the registry itself, and for hosts that the settings name; remembers where the registry is. */
  readonly own: LookupFunction = (hostname, options, callback) => {
    lookUp(hostname, options, callback, (addresses) => {
      if (hostname !== this.#hostname) return undefined;
      for (const { address } of addresses) this.#reaches.add(reachOf(address));
      return undefined;
    });
  };

  /** For hosts that the registry names. */
  readonly foreign: LookupFunction = (hostname, options, callback) => {
    lookUp(hostname, options, callback, (addresses) => {
      const outside = addresses.find(({ address }) => !this.#reaches.has(reachOf(address)));
      return outside === undefined ? undefined : forbidden(hostname, reachOf(outside.address));
    });
  };

  /** Throws ForbiddenTarget for an address that is written out; these are dialled without a lookup. */
  checkLiteral(hostname: string): void {
    const address = hostname.replace(/^\[|\]$/g, '');
    if (isIP(address) !== 0 && !this.#reaches.has(reachOf(address))) throw forbidden(address, reachOf(address));
  }
}

function forbidden(hostname: string, reach: Reach): ForbiddenTarget {
  return new ForbiddenTarget(`${hostname} is a ${reach} address`);
}

function lookUp(
  hostname: string,
  options: Parameters<LookupFunction>[1],
  callback: Parameters<LookupFunction>[2],
  judge: (addresses: readonly LookupAddress[]) => Error | undefined,
): void {
  resolveName(hostname, { ...options, all: true }, (error, addresses) => {
    const problem = error ?? judge(addresses);
    const [first] = addresses ?? [];
    if (problem !== undefined || first === undefined) {
      callback(problem ?? new Error(`${hostname} has no address`), []);
    } else if (options.all === true) {
      callback(null, addresses);
    } else {
      callback(null, first.address, first.family);
    }
  });
}
