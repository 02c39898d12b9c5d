// Words for everything that can go wrong with a login: who refused whom, and which setting the login came from. A refused
// login is one line without hint: the line says it all, and more lines would hide it.
import type { Credentials, CredentialSource } from '../base/credentials.ts';
import { fieldOf, parseJson, textOf } from '../base/json-fields.ts';
import { type Answer } from './answer.ts';
import { RegistryError, type Side } from './registry-error.ts';
import type { Scope } from './scope.ts';

/** Which registry, as image names write it. */
export interface Party {
  readonly host: string;
  readonly side: Side;
}

/** The registry or its token server did not accept a login at all. */
export function credentialsRefused(party: Party, credentials: Credentials, answer: Answer): RegistryError {
  return new RegistryError({
    ...party,
    code: 'credentials-refused',
    exitCode: 3,
    message: `${party.host} refused ${describeLogin(credentials)}; it was sent once and not repeated`,
    ...wireFacts(answer),
  });
}

/** A login is asked for, and there is none. */
export function credentialsMissing(
  party: Party,
  what: string,
  { searched, advice }: Pick<CredentialSource, 'searched' | 'advice'>,
  answer: Answer,
): RegistryError {
  return new RegistryError({
    ...party,
    code: 'credentials-missing',
    exitCode: 3,
    message: `${what}: ${party.host} wants a login, and there is none for it (looked in ${searched || 'no place: no login was given'})`,
    hint:
      advice?.(party.host) ??
      `set \`username\` and \`password\`, and \`registry: ${party.host}\`, or give a \`config\` that names ${party.host}`,
    details: saidLine(answer),
    ...wireFacts(answer),
  });
}

/** Who asked; `token` is read for what it grants. */
export interface Login {
  readonly credentials: Credentials | undefined;
  readonly token?: string;
}

interface Asked {
  readonly what: string;
  readonly party: Party;
  readonly scopes: readonly [Scope, ...Scope[]];
}

/** The login is good, but not for this. */
export function accessDenied(request: Asked, login: Login, answer: Answer): RegistryError {
  const { party, what } = request;
  return new RegistryError({
    ...party,
    code: 'denied',
    exitCode: 3,
    message: `${what}: ${describeRights(request, login)}`,
    details: saidLine(answer),
    ...wireFacts(answer),
  });
}

/** `user "ci" may pull but not push host/app`, as far as a token tells. */
export function describeRights({ party, scopes }: Pick<Asked, 'party' | 'scopes'>, login: Login): string {
  const { path, actions } = scopes[0];
  const name = `${party.host}/${path}`;
  const who = login.credentials === undefined ? 'somebody without a login' : userOf(login.credentials);
  const granted = login.token === undefined ? undefined : grantedActions(login.token, path);
  const missing = actions.filter((action) => granted?.includes(action) === false);
  if (granted === undefined || missing.length === 0) return `${who} may not do this in ${name}`;
  return granted.length === 0
    ? `${who} may do nothing in ${name}, or it does not exist`
    : `${who} may ${granted.join(' and ')} but not ${missing.join(' and ')} ${name}`;
}

/** The login is good, but the token server gives it no token for this. */
export function tokenDenied(party: Party, what: string, credentials: Credentials, answer: Answer): RegistryError {
  return new RegistryError({
    ...party,
    code: 'denied',
    exitCode: 3,
    message: `${what}: the token server of ${party.host} gives ${userOf(credentials)} no token for this`,
    details: saidLine(answer),
    ...wireFacts(answer),
  });
}

/** The registry names a token server that is not asked. `stranger`: its host, when the settings could allow it. */
export function badRealm(party: Party, reason: string, stranger?: string): RegistryError {
  return new RegistryError({
    ...party,
    code: 'bad-realm',
    exitCode: 4,
    message: `${party.host} cannot be logged in to: ${reason}; nothing was sent there`,
    ...(stranger === undefined
      ? {}
      : { hint: `if it may have the logins for ${party.host}, set \`token_hosts: ${stranger}\`` }),
  });
}

/** `the password of user "ci" (settings username/password)`; never a secret. */
function describeLogin(credentials: Credentials): string {
  if (credentials.kind === 'basic') {
    return `the password of user ${JSON.stringify(credentials.username)} (${credentials.source})`;
  }
  const name = credentials.kind === 'identity-token' ? 'identity token' : 'token';
  return `the ${name} (${credentials.source})`;
}

function userOf(credentials: Credentials): string {
  return credentials.kind === 'basic' ? `user ${JSON.stringify(credentials.username)}` : 'this token';
}

/** `registry said: "..."`, when it said anything. */
export function saidLine(answer: Answer): readonly string[] {
  return answer.said === undefined ? [] : [`registry said: ${JSON.stringify(answer.said)}`];
}

/** What of an answer goes into the fields of an error. */
export function wireFacts(answer: Answer): {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly registryCode: string | undefined;
} {
  return { method: answer.method, url: answer.url, status: answer.status, registryCode: answer.codes[0] };
}

/**
 * What a token says that it grants in a repository; undefined for a token that does not say. Not verified: it only words
 * messages. https://distribution.github.io/distribution/spec/auth/jwt/
 */
export function grantedActions(token: string, path: string): readonly string[] | undefined {
  const payload = token.split('.')[1];
  const claims = payload === undefined ? undefined : parseJson(Buffer.from(payload, 'base64url').toString('utf8'));
  const access = fieldOf(claims, 'access');
  if (!Array.isArray(access)) return undefined;
  const entries: readonly unknown[] = access;
  return entries
    .filter((entry) => textOf(entry, 'type') === 'repository' && textOf(entry, 'name') === path)
    .flatMap((entry) => {
      const actions = fieldOf(entry, 'actions');
      return Array.isArray(actions) ? actions.filter((action): action is string => typeof action === 'string') : [];
    });
}
