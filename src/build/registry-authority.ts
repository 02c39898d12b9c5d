// Answers the daemon's questions for registry logins during a build. It hands out short tokens for the scopes that this
// build needs, never a wider one: pull anywhere the step may log in, push for exactly the repositories that this solve
// publishes, and never with a login for base images. A registry that only speaks Basic gets the login itself: there is no
// other way.
import type { CredentialSource, Credentials } from '../base/credentials.ts';
import { parseReference } from '../base/reference.ts';
import type { TokenSource } from '../buildkit/session/auth.ts';
import type { BuildOrder } from './build-image.ts';

/** Fetches a token at the token server that a registry names; registry-client.ts implements it. */
export interface TokenFetcher {
  fetchToken(
    request: { host: string; realm: string; service: string; scopes: readonly string[]; path?: string },
    signal: AbortSignal,
  ): Promise<{ token: string; expiresInSeconds: number; issuedAt: Date }>;
}

/** A repository that the daemon may push to during this build. */
export interface PushGrant {
  /** `docker.io` or `host[:port]`. */
  readonly domain: string;
  readonly path: string;
}

/** The repositories of the caches that the daemon is to write. */
export function cacheGrants(caches: BuildOrder['cacheTo']): readonly PushGrant[] {
  return caches.flatMap(({ type, attrs: { ref } }) =>
    type === 'registry' && ref !== undefined ? [parseReference(ref)] : [],
  );
}

/** The session's view of our logins. `grants` is empty unless the daemon itself pushes. */
export function registryAuthority(
  fetcher: TokenFetcher,
  credentials: CredentialSource,
  grants: readonly PushGrant[],
): TokenSource {
  return {
    async fetchToken({ host, realm, service, scopes }, signal) {
      const granted = scopes.map((scope) => narrowScope(scope, host, grants)).filter((scope) => scope !== undefined);
      const path = pathToLogInFor(granted);
      return await fetcher.fetchToken(
        { host, realm, service, scopes: granted, ...(path === undefined ? {} : { path }) },
        signal,
      );
    },
    async login(host) {
      return asLogin(await loginFor(host, credentials, grants));
    },
    async hasLogin(host) {
      return (await credentials.find(host, undefined, 'pull')) !== undefined;
    },
  };
}

/** Where only whole logins are known, nobody says what one is wanted for: a host that is pushed to gets no other. */
function loginFor(
  host: string,
  credentials: CredentialSource,
  grants: readonly PushGrant[],
): Promise<Credentials | undefined> {
  const grant = grants.find(({ domain }) => domain === host);
  return credentials.find(host, grant?.path, grant === undefined ? 'pull' : 'push');
}

interface Scope {
  readonly path: string;
  readonly actions: readonly string[];
}

/** `repository:library/app:pull,push`; a path may hold a port's colon, so the last colon separates the actions. */
function parseScope(scope: string): Scope | undefined {
  const match = /^repository:(.+):([a-z,*]+)$/.exec(scope);
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { path: match[1], actions: match[2].split(',') };
}

/** The scope with nothing in it but what this build may do; undefined when nothing is left. */
export function narrowScope(scope: string, host: string, grants: readonly PushGrant[]): string | undefined {
  const parsed = parseScope(scope);
  if (parsed === undefined) return undefined;
  const mayPush = grants.some(({ domain, path }) => domain === host && path === parsed.path);
  const actions = parsed.actions.filter((action) => action === 'pull' || (action === 'push' && mayPush));
  return actions.length === 0 ? undefined : `repository:${parsed.path}:${actions.join(',')}`;
}

/** Path-scoped logins: the repository that is pushed to decides, else the first one that is read. */
function pathToLogInFor(scopes: readonly string[]): string | undefined {
  const parsed = scopes.map(parseScope).filter((scope) => scope !== undefined);
  return (parsed.find(({ actions }) => actions.includes('push')) ?? parsed[0])?.path;
}

function asLogin(credentials: Credentials | undefined): { username: string; secret: string } | undefined {
  if (credentials === undefined || credentials.kind === 'registry-token') return undefined;
  if (credentials.kind === 'identity-token') return { username: '', secret: credentials.token };
  return { username: credentials.username, secret: credentials.password };
}
