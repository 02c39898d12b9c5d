// Logins that were given as settings: each for exactly one registry.
import type { Credentials, CredentialSource } from '../base/credentials.ts';
import { hostKey, withoutLineEnd } from './host-key.ts';

/** A login from the settings. */
export interface GivenLogin {
  /** `host[:port]`; any spelling of Docker Hub. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  /** Names the settings: "settings username/password". */
  readonly source: string;
}

/** Docker's name for "the password is an identity token". */
const identityUser = '<token>';

/** Finds a login by its host; where two are for the same host, the first one counts. */
export function givenLogins(logins: readonly GivenLogin[]): CredentialSource {
  const byHost = new Map<string, Credentials>();
  for (const login of logins) {
    const host = hostKey(login.registry);
    if (!byHost.has(host)) byHost.set(host, toCredentials(login));
  }
  return {
    searched: [...new Set(logins.map(({ source }) => source))].join(', ') || 'settings username/password (not set)',
    find: async (host) => byHost.get(hostKey(host)),
  };
}

function toCredentials({ username, password, source }: GivenLogin): Credentials {
  const secret = withoutLineEnd(password);
  if (username === identityUser) return { kind: 'identity-token', token: secret, source };
  return { kind: 'basic', username: withoutLineEnd(username), password: secret, source };
}
