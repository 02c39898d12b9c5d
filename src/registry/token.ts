// The tokens of a run. Each is fetched once, by whoever needs it first, and shared by all who need no more than it grants;
// it is renewed before it expires. A login that was refused is never sent again: behind a token server there may be a
// directory that locks accounts after a few wrong passwords.
import { createHash } from 'node:crypto';
import type { Credentials } from '../base/credentials.ts';
import type { Clock } from '../base/retry.ts';
import { orAbort } from './abortable.ts';
import { UnexpectedAnswer } from './answer.ts';
import { credentialsRefused } from './login-errors.ts';
import type { RegistryError } from './registry-error.ts';
import { includesScope } from './scope.ts';
import { requestToken, type TokenQuery } from './token-request.ts';
import type { Wire } from './wire.ts';

/** A token in use. */
export interface Token {
  readonly value: string;
  readonly scopes: readonly string[];
  readonly lifeSeconds: number;
  readonly issuedAt: Date;
  /** Monotonic: the clocks of servers are not ours. */
  readonly receivedMs: number;
}

/** How a cached token may differ from what is asked for. */
export type Match =
  /** Any token that grants at least that. */
  | 'at-least'
  /** For tokens that are handed on: not more than that. */
  | 'exactly';

/** Renewed when less is left than this, or than a quarter of the life. */
const minLeftMs = 30_000;

interface Entry {
  readonly owner: string;
  readonly scopes: readonly string[];
  readonly token: Promise<Token>;
  /** Set once it has arrived. */
  arrived?: Token;
}

/** Fetches and keeps tokens. */
export class TokenCache {
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #redact: (secret: string) => void;
  /** Ends with the run, not with one of several who wait. */
  readonly #lifetime: AbortSignal;
  readonly #entries = new Set<Entry>();
  readonly #proven = new Set<string>();
  readonly #refused = new Map<string, RegistryError>();

  constructor(options: { wire: Wire; clock: Clock; redact: (secret: string) => void; lifetime: AbortSignal }) {
    this.#wire = options.wire;
    this.#clock = options.clock;
    this.#redact = options.redact;
    this.#lifetime = options.lifetime;
  }

  /** A fresh token. Throws RegistryError `credentials-refused`, or UnexpectedAnswer when a repeat may help. */
  async get(query: TokenQuery, match: Match, signal: AbortSignal): Promise<Token> {
    const login = loginKey(query);
    const owner = `${login} ${query.service}`;
    for (;;) {
      const refused = this.#refused.get(login);
      if (refused !== undefined) throw refused;
      const known = this.#find(owner, query.scopes, match);
      if (known !== undefined) return orAbort(known.token, signal);
      const proving = this.#proven.has(login) ? undefined : this.#first(login);
      if (proving === undefined) return orAbort(this.#start(owner, login, query).token, signal);
      // Its fate decides ours; when it failed for reasons of its own, the next one tries.
      await orAbort(
        proving.token.catch(() => undefined),
        signal,
      );
    }
  }

  /** The registry no longer takes this token. */
  drop(token: Token): void {
    for (const entry of this.#entries) if (entry.arrived === token) this.#entries.delete(entry);
  }

  #find(owner: string, scopes: readonly string[], match: Match): Entry | undefined {
    return [...this.#entries].find((entry) => {
      if (entry.owner !== owner || (entry.arrived !== undefined && !this.#isFresh(entry.arrived))) return false;
      if (!scopes.every((scope) => entry.scopes.some((held) => includesScope(held, scope)))) return false;
      return match === 'at-least' || entry.scopes.every((held) => scopes.some((scope) => includesScope(scope, held)));
    });
  }

  #isFresh(token: Token): boolean {
    const lifeMs = token.lifeSeconds * 1000;
    const leftMs = token.receivedMs + lifeMs - this.#clock.nowMs();
    return leftMs >= Math.min(minLeftMs, lifeMs / 4);
  }

  /** A request that is under way with this login. */
  #first(login: string): Entry | undefined {
    return [...this.#entries].find((entry) => entry.owner.startsWith(`${login} `) && entry.arrived === undefined);
  }

  #start(owner: string, login: string, query: TokenQuery): Entry {
    const entry: Entry = { owner, scopes: query.scopes, token: this.#fetch(login, query) };
    this.#entries.add(entry);
    entry.token.then(
      (token) => {
        entry.arrived = token;
      },
      () => this.#entries.delete(entry),
    );
    return entry;
  }

  async #fetch(login: string, query: TokenQuery): Promise<Token> {
    try {
      const { token, lifeSeconds } = await requestToken(this.#wire, query, this.#lifetime);
      this.#redact(token);
      this.#proven.add(login);
      const receivedMs = this.#clock.nowMs();
      return { value: token, scopes: query.scopes, lifeSeconds, issuedAt: new Date(), receivedMs };
    } catch (error) {
      const { credentials, party } = query;
      const isRefusal = error instanceof UnexpectedAnswer && [401, 403].includes(error.answer.status);
      // Once a login has worked, a refusal is about the scopes.
      if (!isRefusal || credentials === undefined || this.#proven.has(login)) throw error;
      const refusal = credentialsRefused(party, credentials, error.answer);
      this.#refused.set(login, refusal);
      throw refusal;
    }
  }
}

/** Tells logins at token servers from each other. */
function loginKey({ server, credentials }: TokenQuery): string {
  return `${server.origin}${server.path} ${credentialKey(credentials)}`;
}

/** Differs per login; gives no secret away. */
export function credentialKey(credentials: Credentials | undefined): string {
  if (credentials === undefined) return 'anonymous';
  const secret = credentials.kind === 'basic' ? [credentials.username, credentials.password] : [credentials.token];
  return createHash('sha256')
    .update(JSON.stringify([credentials.kind, ...secret]))
    .digest('hex');
}
