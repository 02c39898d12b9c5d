// One request to a token server: GET with Basic for a password or for nobody, POST (OAuth2) for an identity token. No
// redirect is followed. https://distribution.github.io/distribution/spec/auth/token/ and .../oauth/
import { type Credentials, identityUser } from '../base/credentials.ts';
import { fieldOf, parseJson, textOf } from '../base/json-fields.ts';
import { readAnswer, UnexpectedAnswer } from './answer.ts';
import type { Party } from './login-errors.ts';
import type { Neighbourhood } from './neighbourhood.ts';
import { type RequestTarget, withParameter } from './redirect.ts';
import { RegistryError } from './registry-error.ts';
import { readBody, type Wire, type WireRequest, type WireResponse } from './wire.ts';
import { bytesBody } from './wire-body.ts';

/** What is asked for, and of whom. */
export interface TokenQuery {
  readonly party: Party;
  /** A realm that has been judged. */
  readonly server: RequestTarget;
  readonly service: string;
  /** `repository:team/app:pull,push`; the first one matters most: some servers read no other. */
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  readonly neighbourhood: Neighbourhood;
  /** The server is not the registry's own host. */
  readonly isForeign: boolean;
}

/** What a token server grants. */
export interface Grant {
  readonly token: string;
  readonly lifeSeconds: number;
}

const maxBodyBytes = 64 * 1024;
/** By the specification, when the server does not say, and never less. */
const minLifeSeconds = 60;
/** No build takes longer, and the daemon is told the number as an int64. */
const maxLifeSeconds = 24 * 60 * 60;
const maxNamesLength = 120;
const clientId = 'docker-build';

/** Asks for a token. Throws UnexpectedAnswer for whatever is not a token, RegistryError for a token that cannot be read. */
export async function requestToken(wire: Wire, query: TokenQuery, signal: AbortSignal): Promise<Grant> {
  const { credentials } = query;
  if (credentials?.kind !== 'identity-token')
    return readGrant(query, await ask(wire, byGet(query), query, signal), signal);
  const posted = await ask(wire, byPost(query, credentials.token), query, signal);
  // A server without POST has not looked at the token.
  if (posted.status !== 404 && posted.status !== 405) return readGrant(query, posted, signal);
  await readAnswer(posted, signal);
  const { source, token } = credentials;
  const asPassword = { kind: 'basic', username: identityUser, password: token, source } as const;
  const answer = await ask(wire, byGet({ ...query, credentials: asPassword }), query, signal);
  return readGrant(query, answer, signal);
}

type Asking = Pick<WireRequest, 'method' | 'target' | 'headers' | 'body'>;

function byGet(query: TokenQuery): Asking {
  const { server, service, scopes, credentials } = query;
  const withService = service === '' ? server : withParameter(server, 'service', service);
  return {
    method: 'GET',
    target: scopes.reduce((target, scope) => withParameter(target, 'scope', scope), withService),
    headers: credentials?.kind === 'basic' ? { authorization: basicAuthorization(credentials) } : {},
  };
}

function byPost({ server, service, scopes }: TokenQuery, refreshToken: string): Asking {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: refreshToken,
    ...(service === '' ? {} : { service }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  });
  return {
    method: 'POST',
    target: server,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: bytesBody(Buffer.from(form.toString(), 'utf8')),
  };
}

/** Value of an Authorization header. */
export function basicAuthorization(login: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${login.username}:${login.password}`, 'utf8').toString('base64')}`;
}

async function ask(wire: Wire, asking: Asking, query: TokenQuery, signal: AbortSignal): Promise<WireResponse> {
  const { neighbourhood, isForeign } = query;
  return wire.send({ ...asking, neighbourhood, isForeign }, signal);
}

async function readGrant(query: TokenQuery, response: WireResponse, signal: AbortSignal): Promise<Grant> {
  const isOk = response.status >= 200 && response.status < 300;
  if (!isOk) throw new UnexpectedAnswer({ ...(await readAnswer(response, signal)), isOfTokenServer: true });
  const json = parseJson((await readBody(response, maxBodyBytes, signal)).toString('utf8'));
  const token = textOf(json, 'token') || textOf(json, 'access_token');
  if (token === '') throw withoutToken(query, json);
  if (!/^[\u0021-\u007e]+$/.test(token)) throw withoutToken(query, undefined);
  const life = Number(fieldOf(json, 'expires_in'));
  const lifeSeconds = Number.isNaN(life) ? minLifeSeconds : Math.min(Math.max(life, minLifeSeconds), maxLifeSeconds);
  return { token, lifeSeconds };
}

function withoutToken({ party, server }: TokenQuery, json: unknown): RegistryError {
  const names = typeof json === 'object' && json !== null ? Object.keys(json).join(', ').slice(0, maxNamesLength) : '';
  return new RegistryError({
    ...party,
    code: 'bad-token',
    exitCode: 4,
    message:
      `the token server of ${party.host} (${server.origin}) answered without a usable \`token\` or \`access_token\`` +
      (names === '' ? '' : `, only with ${JSON.stringify(names)}`),
  });
}
