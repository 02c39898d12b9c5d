// How TLS is spoken to each host: whose certificates are believed, which client certificate is shown, whether anything is
// verified at all. Parsing the roots for each connection would cost more than the connection, so contexts are kept.
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { HostTrust } from '../base/certificates.ts';
import { registryHost } from '../base/registry-host.ts';
import type { Neighbourhood } from './neighbourhood.ts';

export interface TrustOptions {
  /** PEM, beside the built-in roots, for every host. */
  readonly caCertificates: readonly string[];
  /** `host[:port]` as in image names: certificates are not verified there. */
  readonly unverifiedHosts: ReadonlySet<string>;
  /** What else is known about a host, `host[:port]` as in image names. May throw PluginError. */
  readonly trustOf: (host: string) => HostTrust;
}

/** What a TLS connection is made with. */
export interface TlsOptions {
  readonly minVersion: 'TLSv1.2';
  readonly rejectUnauthorized: boolean;
  readonly secureContext?: SecureContext;
}

/** The contexts of a run. */
export class TlsContexts {
  readonly #options: TrustOptions;
  readonly #unverified: ReadonlySet<string>;
  readonly #contexts = new Map<string, SecureContext>();

  constructor(options: TrustOptions) {
    this.#options = options;
    this.#unverified = new Set([...options.unverifiedHosts].map((host) => urlHost(host)));
  }

  /**
   * For a connection on behalf of a registry. Its token server and its storage are believed by the registry's own
   * authorities as well; its client certificate is shown to no other host name.
   */
  for(url: URL, { host }: Neighbourhood): TlsOptions {
    const isSameName = new URL(`https://${host}`).hostname === url.hostname;
    const own = this.#options.trustOf(registryHost(url.host));
    const registrys = url.host === urlHost(host) ? own : this.#options.trustOf(registryHost(host));
    const pair = own.clientPair ?? (isSameName ? registrys.clientPair : undefined);
    const context = this.#contextOf({
      authorities: [...new Set([...own.authorities, ...registrys.authorities])],
      ...(pair === undefined ? {} : { clientPair: pair }),
    });
    const isUnverified = this.#unverified.has(url.host) || (isSameName && this.#unverified.has(urlHost(host)));
    return {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: !isUnverified,
      ...(context === undefined ? {} : { secureContext: context }),
    };
  }

  /** For the connection to a proxy. */
  forProxy(): TlsOptions {
    const context = this.#contextOf({ authorities: [] });
    return {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(context === undefined ? {} : { secureContext: context }),
    };
  }

  #contextOf({ authorities, clientPair }: HostTrust): SecureContext | undefined {
    const extra = [...this.#options.caCertificates, ...authorities];
    if (extra.length === 0 && clientPair === undefined) return undefined;
    const key = JSON.stringify([extra, clientPair]);
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const made = createSecureContext({
      minVersion: 'TLSv1.2',
      // `ca` takes the place of the roots.
      ...(extra.length === 0 ? {} : { ca: [...rootCertificates, ...extra] }),
      ...clientPair,
    });
    this.#contexts.set(key, made);
    return made;
  }
}

/** As URLs write a host: without the usual port. */
function urlHost(host: string): string {
  return new URL(`https://${host}`).host;
}
