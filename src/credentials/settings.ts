// Logins that were given as settings: each for exactly one registry, or for the repositories below one path there.
import { type Credentials, type CredentialSource, identityUser, withoutLineEnd } from '../base/credentials.ts';
import { registryHost } from '../base/registry-host.ts';

/** A login from the settings. */
export interface GivenLogin {
  /** `host[:port]`; any spelling of Docker Hub. */
  readonly registry: string;
  /** Only for this repository and those below it. */
  readonly path?: string | undefined;
  readonly username: string;
  readonly password: string;
  /** Names the settings: "settings username/password". */
  readonly source: string;
  /** The setting that names its registry, where that is a setting of its own. */
  readonly hostSetting?: string;
}

/** Finds a login by its host and the longest path; where two are alike in this, the first one counts. */
export function givenLogins(logins: readonly GivenLogin[]): CredentialSource {
  const known = logins.map((login) => ({ ...login, registry: registryHost(login.registry) }));
  return {
    searched: [...new Set(known.map(whatAndForWhom))].join(', '),
    async find(host, path) {
      const key = registryHost(host);
      const matching = known.filter((login) => login.registry === key && coversPath(login, path));
      const best = matching.sort((a, b) => (b.path?.length ?? 0) - (a.path?.length ?? 0))[0];
      return best === undefined ? undefined : toCredentials(best);
    },
    advice(host) {
      const other = known.find(({ hostSetting }) => hostSetting !== undefined);
      if (other === undefined || other.registry === registryHost(host)) return undefined;
      return `${other.source} belong to ${other.registry}; set \`${other.hostSetting}: ${host}\``;
    },
  };
}

function coversPath(login: GivenLogin, path: string | undefined): boolean {
  if (login.path === undefined) return true;
  return path !== undefined && (path === login.path || path.startsWith(`${login.path}/`));
}

/** A login that was not found is often there, for another registry. */
function whatAndForWhom({ source, registry, path }: GivenLogin): string {
  return `${source} (for ${registry}${path === undefined ? '' : `/${path}`})`;
}

function toCredentials({ username, password, source }: GivenLogin): Credentials {
  const secret = withoutLineEnd(password);
  if (username === identityUser) return { kind: 'identity-token', token: secret, source };
  return { kind: 'basic', username: withoutLineEnd(username), password: secret, source };
}
