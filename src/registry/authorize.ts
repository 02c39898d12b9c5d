// One registry, and every request to it: the only place where a login is attached. It goes to exactly the registry's
// scheme, host and port, and when it was refused it is not sent again. Nothing is repeated here but what an expired token
// asks for. RFC 9110, 11; https://distribution.github.io/distribution/spec/auth/token/
import type { Credentials, LoginUse } from '../base/credentials.ts';
import { orAbort } from './abortable.ts';
import { type Answer, readAnswer, UnexpectedAnswer } from './answer.ts';
import { type Challenge, chooseChallenge } from './challenge.ts';
import { FirstUse } from './first-use.ts';
import { follow } from './follow.ts';
import {
  accessDenied,
  badRealm,
  credentialsMissing,
  credentialsRefused,
  describeRights,
  type Login,
  type Party,
  tokenDenied,
} from './login-errors.ts';
import { Neighbourhood } from './neighbourhood.ts';
import { movedTo, ping, pingAt, type PingOptions, type Site } from './ping.ts';
import { judgeRealm } from './realm.ts';
import { ForbiddenTarget } from './redirect.ts';
import type { AccessOptions, ForeignTokenRequest, RegistryRequest } from './registry-request.ts';
import { asksToPush, mergeScopes, scopeText } from './scope.ts';
import { credentialKey, type Match, type Token } from './token.ts';
import { basicAuthorization } from './token-request.ts';
import { discard, type WireResponse } from './wire.ts';

/** The way to one registry. */
export class RegistryAccess {
  readonly #options: AccessOptions;
  readonly #neighbourhood: Neighbourhood;
  readonly #firstUse = new FirstUse();
  #site: Promise<Site> | undefined;
  #hasAnswered = false;
  #hasRenewed = false;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#neighbourhood = new Neighbourhood(options.apiHost);
  }

  /** Whether the registry has answered anything in this run: then a broken connection may just have been an old one. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Scheme, host and port; pings the registry the first time. */
  async origin(party: Party, signal: AbortSignal): Promise<string> {
    return (await this.#settle(party, signal)).origin;
  }

  /**
   * Sends a request with the login that it needs. Every status but 401 is the caller's to judge.
   *
   * @throws RegistryError for logins and redirects, UnexpectedAnswer of the token server or the ping, network errors
   */
  async send(request: RegistryRequest, signal: AbortSignal): Promise<WireResponse> {
    const site = await this.#settle(request.party, signal);
    const response = await this.#sendTo(site, request, signal);
    const secure = request.redirects === 'none' ? undefined : movedTo(response);
    if (secure === undefined) return response;
    // The ping was answered in plain http all the same. What follows begins anew, with TLS.
    await discard(response, signal);
    if (this.#site === undefined || (await this.#site).origin === site.origin) {
      void this.#arriveAt(pingAt(this.#options.wire, secure, this.#pingOptions(request.party), this.#options.lifetime));
    }
    return this.#sendTo(await this.#settle(request.party, signal), request, signal);
  }

  async #sendTo(site: Site, request: RegistryRequest, signal: AbortSignal): Promise<WireResponse> {
    const credentials = await this.#options.credentials.find(
      this.#options.host,
      request.scopes[0].path,
      useOf(request.scopes.map(scopeText)),
    );
    const { challenge } = site;
    if (challenge !== undefined && credentials?.kind === 'registry-token') {
      return this.#sendAsIs(site, request, credentials, `Bearer ${credentials.token}`, signal);
    }
    if (challenge?.scheme === 'basic' && credentials?.kind === 'basic') {
      return this.#sendAsIs(site, request, credentials, basicAuthorization(credentials), signal);
    }
    if (challenge?.scheme === 'bearer') return this.#sendWithToken(site, request, challenge, credentials, signal);
    const response = await this.#exchange(site, request, undefined, signal);
    if (response.status !== 401) return response;
    const answer = await readAnswer(response, signal);
    const asked = chooseChallenge(answer.challenges);
    if (challenge !== undefined || asked === undefined) throw this.#noLogin(request, credentials, answer);
    // The ping was open, this is not.
    this.#site = Promise.resolve({ origin: site.origin, challenge: asked });
    return this.#sendTo(await this.#site, request, signal);
  }

  /** A token for exactly these scopes; `realm` and `service` are what the one who needs it was told. */
  async fetchToken(request: ForeignTokenRequest, signal: AbortSignal): Promise<Token> {
    const { party, realm, service, scopes, path, what } = request;
    const credentials = await this.#options.credentials.find(this.#options.host, path, useOf(scopes));
    const ask = (origin: string): Promise<Token> =>
      this.#token({ origin, realm, service, scopes, credentials, party, what, match: 'exactly', path }, signal);
    if (this.#site === undefined) {
      // Nobody has asked this registry anything yet, and mostly nothing needs to be known about it.
      try {
        return await ask(`https://${this.#options.apiHost}`);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'bad-realm')) throw error;
      }
    }
    return ask(await this.origin(party, signal));
  }

  #settle(party: Party, signal: AbortSignal): Promise<Site> {
    const { wire, lifetime } = this.#options;
    return orAbort(this.#site ?? this.#arriveAt(ping(wire, this.#pingOptions(party), lifetime)), signal);
  }

  #arriveAt(site: Promise<Site>): Promise<Site> {
    this.#site = site;
    site.then(
      () => {
        this.#hasAnswered = true;
      },
      () => {
        this.#site = undefined;
      },
    );
    return site;
  }

  #pingOptions(party: Party): PingOptions {
    const { apiHost, isInsecure, isTlsOnly } = this.#options;
    return { party, apiHost, isInsecure, isTlsOnly, neighbourhood: this.#neighbourhood };
  }

  async #sendAsIs(
    site: Site,
    request: RegistryRequest,
    credentials: Credentials,
    authorization: string,
    signal: AbortSignal,
  ): Promise<WireResponse> {
    const response = await this.#firstUse.send(
      credentialKey(credentials),
      () => this.#exchange(site, request, authorization, signal),
      async (refused) =>
        request.isCourtesy === true
          ? undefined
          : credentialsRefused(request.party, credentials, await readAnswer(refused, signal)),
      signal,
    );
    if (response.status !== 401 || request.isCourtesy === true) return withRights(response, request, { credentials });
    const fresh = await this.#renew(credentials, request.scopes[0].path, useOf(request.scopes.map(scopeText)));
    if (fresh?.kind === 'basic') {
      await discard(response, signal);
      return this.#sendAsIs(site, request, fresh, basicAuthorization(fresh), signal);
    }
    throw accessDenied(request, { credentials }, await readAnswer(response, signal));
  }

  async #sendWithToken(
    site: Site,
    request: RegistryRequest,
    challenge: Challenge,
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<WireResponse> {
    const { origin } = site;
    const { party, what } = request;
    const query = {
      origin,
      realm: challenge.parameters.get('realm'),
      service: challenge.parameters.get('service') ?? '',
      credentials,
      party,
      what,
      match: 'at-least',
      path: request.scopes[0].path,
    } as const;
    let scopes: readonly string[] = request.scopes.map(scopeText);
    for (let isRenewed = false; ; isRenewed = true) {
      const token = await this.#token({ ...query, scopes }, signal);
      const response = await this.#exchange(site, request, `Bearer ${token.value}`, signal);
      if (response.status !== 401 || request.isCourtesy === true) {
        return withRights(response, request, { credentials, token: token.value });
      }
      const answer = await readAnswer(response, signal);
      const wider = mergeScopes(scopes, challengedScopes(answer));
      const isWider = wider.some((scope) => !scopes.includes(scope));
      if (isRenewed || !(isWider || mayBeTheToken(answer))) {
        if (credentials === undefined) throw this.#noLogin(request, credentials, answer);
        throw accessDenied(request, { credentials, token: token.value }, answer);
      }
      this.#options.tokens.drop(token);
      scopes = wider;
      await request.beforeResend?.();
    }
  }

  async #token(
    query: {
      readonly origin: string;
      readonly realm: string | undefined;
      readonly service: string;
      readonly scopes: readonly string[];
      readonly credentials: Credentials | undefined;
      readonly party: Party;
      readonly what: string;
      readonly match: Match;
      /** Of the repository whose login is used. */
      readonly path: string | undefined;
    },
    signal: AbortSignal,
  ): Promise<Token> {
    const { origin, realm, service, scopes, credentials, party, what, match, path } = query;
    const { tokenHosts, tokens } = this.#options;
    const verdict = judgeRealm(realm, { registryOrigin: origin, tokenHosts });
    if (!verdict.ok) throw badRealm(party, verdict.reason, verdict.stranger);
    const server = verdict.target;
    const { host, hostname } = new URL(server.origin);
    const isForeign = hostname !== new URL(origin).hostname && !tokenHosts.has(host);
    const neighbourhood = this.#neighbourhood;
    try {
      return await tokens.get({ party, server, service, scopes, credentials, neighbourhood, isForeign }, match, signal);
    } catch (error) {
      if (error instanceof ForbiddenTarget) throw badRealm(party, `its token server: ${error.message}`);
      if (!(error instanceof UnexpectedAnswer && [401, 403].includes(error.answer.status))) throw error;
      const fresh = error.answer.status === 401 ? await this.#renew(credentials, path, useOf(scopes)) : undefined;
      if (fresh !== undefined) return this.#token({ ...query, credentials: fresh }, signal);
      if (credentials !== undefined) throw tokenDenied(party, what, credentials, error.answer);
      throw credentialsMissing(party, what, this.#options.credentials, error.answer);
    }
  }

  async #exchange(
    site: Site,
    request: RegistryRequest,
    authorization: string | undefined,
    signal: AbortSignal,
  ): Promise<WireResponse> {
    const { to } = request;
    const target = typeof to === 'string' ? { origin: site.origin, path: to } : to;
    const { origin } = site;
    const neighbourhood = this.#neighbourhood;
    const response = await follow(
      this.#options.wire,
      { ...request, target, authorization, origin, neighbourhood },
      signal,
    );
    this.#hasAnswered = true;
    if (response.target.origin === origin) this.#options.warnings.note(request.party.host, response);
    return response;
  }

  /**
   * Another login where a cloud gives one, or has given one to somebody who was faster. It is asked once in a run, so that a
   * right that is missing does not look like an end.
   */
  async #renew(refused: Credentials | undefined, path: string | undefined, use: LoginUse) {
    const { host, credentials } = this.#options;
    if (refused === undefined) return undefined;
    if (!this.#hasRenewed) this.#hasRenewed = credentials.renew?.(host, refused) === true;
    const fresh = await credentials.find(host, path, use);
    return fresh !== undefined && credentialKey(fresh) !== credentialKey(refused) ? fresh : undefined;
  }

  #noLogin(request: RegistryRequest, credentials: Credentials | undefined, answer: Answer): Error {
    if (credentials !== undefined) return accessDenied(request, { credentials }, answer);
    return credentialsMissing(request.party, request.what, this.#options.credentials, answer);
  }
}

/** Says who was refused, in case somebody has to tell people. */
function withRights(response: WireResponse, request: RegistryRequest, login: Login): WireResponse {
  return response.status === 403 ? { ...response, rights: describeRights(request, login) } : response;
}

/** Logins for base images are for reading only: a request that writes, or may write, does without them. */
function useOf(scopes: readonly string[]): LoginUse {
  return scopes.some(asksToPush) ? 'push' : 'pull';
}

/** Whether another token may be taken where this one was not: unless it is said that the right itself is missing. */
function mayBeTheToken(answer: Answer): boolean {
  return chooseChallenge(answer.challenges)?.parameters.get('error') !== 'insufficient_scope';
}

/** What the registry says that it wanted. */
function challengedScopes(answer: Answer): readonly string[] {
  const scope = chooseChallenge(answer.challenges)?.parameters.get('scope') ?? '';
  return scope.split(' ').filter((part) => part !== '');
}
