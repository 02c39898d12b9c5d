// The client of all registries of a run: one pool of connections, one cache of tokens, one retry budget. Repositories on one
// registry share its ping, its logins and its upload places. OCI distribution-spec 1.1; https://distribution.github.io/.
import type { HostTrust } from '../base/certificates.ts';
import type { CredentialSource } from '../base/credentials.ts';
import type { Log } from '../base/log.ts';
import type { ProxyFor } from '../base/proxy.ts';
import { apiHostOf, registryHost } from '../base/registry-host.ts';
import { type Clock, defaultRetryLimits, Retrier, type RetryLimits, systemClock } from '../base/retry.ts';
import { RegistryAccess } from './authorize.ts';
import type { Party } from './login-errors.ts';
import { operate, type OperationContext } from './operation.ts';
import { Place } from './place.ts';
import type { Side } from './registry-error.ts';
import { Repository } from './repository.ts';
import { asksToPush } from './scope.ts';
import { defaultTimeLimits, type TimeLimits } from './time-limits.ts';
import { TokenCache } from './token.ts';
import { UploadSlots } from './upload-slots.ts';
import { Warnings } from './warnings.ts';
import { Wire } from './wire.ts';

/** What the client is made of. */
export interface RegistryOptions {
  readonly credentials: CredentialSource;
  /** `host[:port]` as in image names: TLS need not be verified there, and may be missing. */
  readonly insecureHosts: ReadonlySet<string>;
  /** The same, but TLS may not be missing, not even on loopback. */
  readonly unverifiedHosts?: ReadonlySet<string>;
  /** PEM, beside the built-in roots. */
  readonly caCertificates: readonly string[];
  /** What else is known about `host[:port]`; asked before the first connection. May throw PluginError. */
  readonly trustOf?: (host: string) => HostTrust;
  readonly userAgent: string;
  readonly log: Log;
  readonly limits?: Partial<RetryLimits & TimeLimits>;
  /** Told each token on arrival, and each secret in the address of an upload. */
  readonly redact?: (secret: string) => void;
  /** Bodies that travel to one registry at a time; 6 by default. */
  readonly maxConcurrentUploads?: number;
  /** Uploads go in chunks of this size; whole blobs by default, and chunks only where a registry takes no whole ones. */
  readonly uploadChunkBytes?: number;
  /** `host[:port]` of token servers that may have a registry's login though they belong to another house. */
  readonly tokenHosts?: ReadonlySet<string>;
  /** URL of the proxy for a URL; none by default. */
  readonly proxyFor?: ProxyFor;
  /** The system's by default. */
  readonly clock?: Clock;
  /** Whose budget counts, when others spend of it too; one of its own by the limits and the clock otherwise. */
  readonly retrier?: Retrier;
}

/** What of a parsed reference says where a repository is. */
export interface RepositoryAddress {
  readonly domain: string;
  readonly path: string;
  readonly apiHost: string;
}

const defaultConcurrentUploads = 6;

interface Registry {
  readonly access: RegistryAccess;
  readonly slots: UploadSlots;
}

/** One per run; close it at the end. */
export class RegistryClient {
  readonly #options: RegistryOptions;
  readonly #limits: RetryLimits & TimeLimits;
  readonly #clock: Clock;
  readonly #wire: Wire;
  readonly #tokens: TokenCache;
  readonly #retrier: Retrier;
  readonly #warnings: Warnings;
  readonly #lifetime = new AbortController();
  readonly #registries = new Map<string, Registry>();

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#limits = { ...defaultRetryLimits, ...defaultTimeLimits, ...options.limits };
    this.#clock = options.clock ?? systemClock;
    this.#wire = new Wire({
      limits: this.#limits,
      userAgent: options.userAgent,
      caCertificates: options.caCertificates,
      unverifiedHosts: new Set([...options.insecureHosts, ...(options.unverifiedHosts ?? [])]),
      trustOf: options.trustOf ?? (() => ({ authorities: [] })),
      proxyFor: options.proxyFor ?? (() => undefined),
      maxConcurrentUploads: options.maxConcurrentUploads ?? defaultConcurrentUploads,
    });
    this.#tokens = new TokenCache({
      wire: this.#wire,
      clock: this.#clock,
      redact: options.redact ?? (() => undefined),
      lifetime: this.#lifetime.signal,
    });
    this.#warnings = new Warnings(options.log);
    this.#retrier = options.retrier ?? new Retrier(this.#limits, this.#clock, options.log);
  }

  /**
   * A repository. Nothing is asked yet.
   *
   * @param use `push` for targets: one token then serves reads and writes; `pull` for what is only read
   */
  repository(address: RepositoryAddress, use: 'pull' | 'push' = 'pull'): Repository {
    const { access, slots } = this.#registry(address.domain, address.apiHost);
    const place = new Place({
      host: address.domain,
      path: address.path,
      access,
      context: this.#contextOf(address.apiHost, access),
      limits: this.#limits,
      log: this.#options.log,
      mayPush: use === 'push',
    });
    const { redact = () => undefined, uploadChunkBytes } = this.#options;
    return new Repository(place, slots, redact, uploadChunkBytes);
  }

  /**
   * A token for somebody who speaks to the registry by himself: the daemon. Exactly these scopes, from the same cache and by
   * the same rules as our own. `path` chooses among logins for repositories.
   */
  async fetchToken(
    request: { host: string; realm: string; service: string; scopes: readonly string[]; path?: string },
    signal: AbortSignal,
  ): Promise<{ token: string; expiresInSeconds: number; issuedAt: Date }> {
    const domain = registryHost(request.host);
    const apiHost = apiHostOf(domain);
    const { access } = this.#registry(domain, apiHost);
    const party: Party = { host: domain, side: sideOf(request.scopes) };
    const what = `login at ${domain} for ${request.scopes.join(' ') || 'no repository'}`;
    const { realm, service, scopes, path } = request;
    const token = await operate(
      this.#contextOf(apiHost, access),
      { kind: 'login', what, repository: path === undefined ? domain : `${domain}/${path}`, party },
      () => access.fetchToken({ realm, service, scopes, path, party, what }, signal),
      signal,
    );
    return { token: token.value, expiresInSeconds: token.lifeSeconds, issuedAt: token.issuedAt };
  }

  /** Ends all connections. Requests that are under way fail. */
  async close(): Promise<void> {
    this.#lifetime.abort(new Error('the registry client was closed'));
    await this.#wire.close();
  }

  #registry(domain: string, apiHost: string): Registry {
    const known = this.#registries.get(domain);
    if (known !== undefined) return known;
    const { credentials, insecureHosts, unverifiedHosts, tokenHosts, maxConcurrentUploads } = this.#options;
    const access = new RegistryAccess({
      host: domain,
      apiHost,
      isInsecure: insecureHosts.has(domain),
      isTlsOnly: unverifiedHosts?.has(domain) === true && !insecureHosts.has(domain),
      tokenHosts: new Set([...(tokenHosts ?? [])].map((host) => new URL(`https://${host}`).host)),
      credentials,
      wire: this.#wire,
      tokens: this.#tokens,
      clock: this.#clock,
      warnings: this.#warnings,
      lifetime: this.#lifetime.signal,
    });
    const made = { access, slots: new UploadSlots(maxConcurrentUploads ?? defaultConcurrentUploads) };
    this.#registries.set(domain, made);
    return made;
  }

  #contextOf(apiHost: string, access: RegistryAccess): OperationContext {
    return { retrier: this.#retrier, origin: apiHost, hasAnswered: () => access.hasAnswered };
  }
}

function sideOf(scopes: readonly string[]): Side {
  return scopes.some(asksToPush) ? 'target' : 'source';
}
