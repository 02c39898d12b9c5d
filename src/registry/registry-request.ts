// What the one way to a registry (authorize.ts) is asked for, and what it is made of.
import type { CredentialSource } from '../base/credentials.ts';
import type { Clock } from '../base/retry.ts';
import type { FollowedRequest } from './follow.ts';
import type { Party } from './login-errors.ts';
import type { RequestTarget } from './redirect.ts';
import type { Scope } from './scope.ts';
import type { TokenCache } from './token.ts';
import type { Warnings } from './warnings.ts';
import type { Wire } from './wire.ts';

/** A request to a registry. */
export interface RegistryRequest extends Pick<
  FollowedRequest,
  'method' | 'headers' | 'body' | 'headersMs' | 'redirects' | 'what' | 'party'
> {
  /** A path below the registry's address, or a target from a Location. */
  readonly to: string | RequestTarget;
  /** The first one's repository decides which login is used. */
  readonly scopes: readonly [Scope, ...Scope[]];
  /** A 401 is an answer like any other: no new token, no error. */
  readonly isCourtesy?: boolean;
  /** Called before the same body is sent again with a new token; what it throws keeps that from happening. */
  readonly beforeResend?: () => Promise<void>;
}

/** What a token is asked for on behalf of somebody else. */
export interface ForeignTokenRequest {
  readonly realm: string;
  readonly service: string;
  readonly scopes: readonly string[];
  /** Repository whose login is used. */
  readonly path: string | undefined;
  readonly party: Party;
  /** For messages. */
  readonly what: string;
}

export interface AccessOptions {
  /** `docker.io` or `host[:port]`. */
  readonly host: string;
  readonly apiHost: string;
  readonly isInsecure: boolean;
  /** Not even on loopback is http tried. */
  readonly isTlsOnly: boolean;
  readonly tokenHosts: ReadonlySet<string>;
  readonly credentials: CredentialSource;
  readonly wire: Wire;
  readonly tokens: TokenCache;
  readonly clock: Clock;
  readonly warnings: Warnings;
  /** Of the whole client: what several requests wait for ends with it. */
  readonly lifetime: AbortSignal;
}
