// The connections of a run: a pool for each origin, through a proxy where the rule for proxies says so. HTTP/1.1 on purpose:
// six uploads over six connections beat one shared window.
import type { LookupFunction } from 'node:net';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import { type ProxyFor, shownProxy } from '../base/proxy.ts';
import type { Neighbourhood } from './neighbourhood.ts';
import type { TimeLimits } from './time-limits.ts';
import { TlsContexts, type TrustOptions } from './tls-contexts.ts';

export interface ConnectionOptions extends TrustOptions {
  readonly limits: TimeLimits;
  readonly proxyFor: ProxyFor;
  /** Bodies that travel to one registry at a time. */
  readonly maxConcurrentUploads: number;
}

/** A way to one origin. */
export interface Way {
  readonly dispatcher: Dispatcher;
  /** Address of the proxy on it, without login. */
  readonly proxy?: string;
}

/** Six uploads, a small request beside each of them, and some for others; more would only wait for each other. */
const minConnectionsPerOrigin = 16;

/** A blob that is sent may ask about itself meanwhile, and manifests are looked at beside it. */
function connectionsPerOrigin(maxConcurrentUploads: number): number {
  return Math.max(minConnectionsPerOrigin, 2 * maxConcurrentUploads + 4);
}

/** Makes pools and keeps them. */
export class Connections {
  readonly #options: ConnectionOptions;
  readonly #tls: TlsContexts;
  readonly #ways = new Map<string, Way>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#tls = new TlsContexts(options);
  }

  /** @param neighbourhood of the registry on whose behalf; `isForeign`: the origin's name is not the registry's own */
  wayTo(url: URL, neighbourhood: Neighbourhood, isForeign: boolean): Way {
    const key = url.host === neighbourhood.host ? url.origin : `${url.origin} for ${neighbourhood.host}`;
    const known = this.#ways.get(key);
    if (known !== undefined) return known;
    const made = this.#make(url, neighbourhood, isForeign ? neighbourhood.foreign : neighbourhood.own);
    this.#ways.set(key, made);
    return made;
  }

  /** Ends all connections, also those in use. */
  async close(): Promise<void> {
    await Promise.all([...this.#ways.values()].map(({ dispatcher }) => dispatcher.destroy()));
    this.#ways.clear();
  }

  #make(url: URL, neighbourhood: Neighbourhood, lookup: LookupFunction): Way {
    const { limits, proxyFor, maxConcurrentUploads } = this.#options;
    const tls = url.protocol === 'https:' ? this.#tls.for(url, neighbourhood) : {};
    const common = {
      allowH2: false,
      connections: connectionsPerOrigin(maxConcurrentUploads),
      keepAliveTimeout: limits.keepAliveMs,
      // Bodies are watched by us: the limit is on progress, and for uploads too.
      bodyTimeout: 0,
    };
    const proxy = proxyFor(url);
    if (proxy === undefined) {
      const connect = { ...tls, lookup, timeout: limits.connectMs };
      return { dispatcher: new Pool(url.origin, { ...common, connect }) };
    }
    // The proxy looks names up: which networks it lets us into is its administrator's rule.
    const dispatcher = new ProxyAgent({
      ...common,
      ...addressAndLogin(proxy),
      requestTls: { ...tls, timeout: limits.connectMs },
      proxyTls: { ...(proxy.startsWith('https:') ? this.#tls.forProxy() : {}), timeout: limits.connectMs },
      proxyTunnel: url.protocol === 'https:',
    });
    return { dispatcher, proxy: shownProxy(proxy) };
  }
}

/** A user without a password counts as well. */
function addressAndLogin(proxy: string): { readonly uri: string; readonly token?: string } {
  const { username, password } = new URL(proxy);
  if (username === '') return { uri: shownProxy(proxy) };
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { uri: shownProxy(proxy), token: `Basic ${Buffer.from(login, 'utf8').toString('base64')}` };
}
