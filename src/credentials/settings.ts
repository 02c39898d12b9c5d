// Logins that were given as settings: each for exactly one registry.
import { type Credentials, type CredentialSource, identityUser, withoutLineEnd } from '../base/credentials.ts';
import { registryHost } from '../base/registry-host.ts';

/** A login from the settings. */
export interface GivenLogin {
  /** `host[:port]`; any spelling of Docker Hub. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  /** Names the settings: "settings username/password". */
  readonly source: string;
}

/** Finds a login by its host; where two are for the same host, the first one counts. */
export function givenLogins(logins: readonly GivenLogin[]): CredentialSource {
  const byHost = new Map<string, Credentials>();
  for (const login of logins) {
    const host = registryHost(login.registry);
    if (!byHost.has(host)) byHost.set(host, toCredentials(login));
  }
  return {
    searched: [...new Set(logins.map(whatAndForWhom))].join(', ') || 'settings username/password (not set)',
    find: async (host) => byHost.get(registryHost(host)),
  };
}

/** A login that was not found is often there, for another registry. */
function whatAndForWhom({ source, registry }: GivenLogin): string {
  return `${source} (for ${registryHost(registry)})`;
}

function toCredentials({ username, password, source }: GivenLogin): Credentials {
  const secret = withoutLineEnd(password);
  if (username === identityUser) return { kind: 'identity-token', token: secret, source };
  return { kind: 'basic', username: withoutLineEnd(username), password: secret, source };
}
