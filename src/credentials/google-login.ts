// Logins at Google's registries (gcr.io, pkg.dev): a key as the password of _json_key, or an access token as that of
// oauth2accesstoken. https://cloud.google.com/artifact-registry/docs/docker/authentication
import { readFile } from 'node:fs/promises';
import type { CredentialSource } from '../base/credentials.ts';
import { PluginError } from '../base/plugin-error.ts';
import { registryHost } from '../base/registry-host.ts';
import { cloudFailure } from './cloud-failure.ts';
import type { CloudTools } from './cloud-tools.ts';
import type { GoogleSource, GoogleToken } from './google-token.ts';
import { parseJson, textOf } from '../base/json-fields.ts';
import { isThatOf, type IssuedLogin, renewedLogin } from './renewed-login.ts';

/** Where a step's Google login comes from. */
export type GoogleCredential =
  /** The JSON key of a service account, as it is. `source` names the setting. */
  | { readonly kind: 'json-key'; readonly json: string; readonly source: string }
  /** A token, made from something that was given. */
  | { readonly kind: 'token'; readonly from: GoogleSource; readonly source: string }
  /** The same from a credential file; `source` names the variable that leads to it. */
  | { readonly kind: 'file'; readonly path: string; readonly source: string };

export interface GoogleLogins {
  readonly variant: 'gcr' | 'gar';
  /** `host[:port]` of the registries that get the login. */
  readonly hosts: readonly string[];
  readonly credential: GoogleCredential;
  /** A login that cannot be made is a warning, and nobody logs in. */
  readonly isOptional: boolean;
}

interface SourcedLogin extends IssuedLogin {
  readonly source: string;
}

/** The user that an access token is the password of. */
const tokenUser = 'oauth2accesstoken';

/** Logins for exactly these hosts; Google is asked when the first of them is needed. `find` throws PluginError (3). */
export function googleLogins(logins: GoogleLogins, tools: CloudTools): CredentialSource {
  const hosts = new Set(logins.hosts.map(registryHost));
  const login = renewedLogin(() => obtain(logins, tools), tools.now);
  let hasFailed = false;
  return {
    searched: `the ${logins.variant} login (for ${[...hosts].join(', ')})`,
    async find(host) {
      if (!hosts.has(registryHost(host)) || hasFailed) return undefined;
      try {
        const { username, password, source } = await login();
        return { kind: 'basic', username, password, source };
      } catch (error) {
        if (!logins.isOptional || !(error instanceof PluginError)) throw error;
        hasFailed = true;
        tools.log.warn(`${error.message}; the step goes on without this login`);
        return undefined;
      }
    },
    renew: (host, refused) => hosts.has(registryHost(host)) && login.forget(isThatOf(refused)),
  };
}

async function obtain(logins: GoogleLogins, tools: CloudTools): Promise<SourcedLogin> {
  const { credential, variant } = logins;
  if (credential.kind === 'json-key') {
    const { json, source } = credential;
    return { username: '_json_key', password: json, source };
  }
  // Google's library is for those who need a token: a key is a password already.
  const { googleToken } = await import('./google-token.ts');
  if (credential.kind === 'token')
    return asLogin(await googleToken(credential.from, variant, tools), credential.source);
  const json = await readCredentialFile(credential, variant, tools);
  const from = { kind: 'credential', json, source: credential.source } as const;
  return asLogin(await googleToken(from, variant, tools), credential.source);
}

function asLogin({ token, ...end }: GoogleToken, source: string): SourcedLogin {
  return { username: tokenUser, password: token, source, ...end };
}

/** Read again with each token: whoever renews the file means it. */
async function readCredentialFile(
  { path, source }: { readonly path: string; readonly source: string },
  variant: string,
  { redact }: CloudTools,
): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const came = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw cloudFailure({ variant, step: `reading ${source} (${path})`, came, cause: error });
  });
  const json = parseJson(text);
  for (const name of ['private_key', 'refresh_token', 'client_secret']) {
    const secret = textOf(json, name);
    if (secret !== '') redact(secret);
  }
  return text;
}
