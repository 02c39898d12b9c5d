// What a registry login is, and the one question the clients may ask about it. The answer is for an exact host (and
// repository path); whoever asks sends it nowhere else. The three kinds and the form of `auth` are those of Docker's
// config.json: github.com/docker/cli, cli/config/types.

/** A login for one registry host. `source` names where it was found ("settings username/password"), never the value. */
export type Credentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string; readonly source: string }
  /** An OAuth2 refresh token (`identitytoken` in config.json); exchanged at the token server, never sent to /v2/. */
  | { readonly kind: 'identity-token'; readonly token: string; readonly source: string }
  /** A ready Bearer token (`registrytoken` in config.json). */
  | { readonly kind: 'registry-token'; readonly token: string; readonly source: string };

/** What a login is wanted for. Logins for base images are never used for pushing. */
export type LoginUse = 'pull' | 'push';

/** Finds the login for a registry. */
export interface CredentialSource {
  /**
   * @param host `host[:port]` in the spelling of a parsed reference's domain (`docker.io` for Docker Hub)
   * @param path repository path (`library/golang`) when known: path-scoped logins win by longest prefix
   * @param use `push` when it is not said, since that finds less
   * @returns undefined when there is none: the caller goes on anonymously
   */
  find(host: string, path?: string, use?: LoginUse): Promise<Credentials | undefined>;
  /**
   * Told that a registry no longer takes a login that it has taken before: a cloud's may have ended.
   *
   * @returns whether `find` asks for another one now
   */
  renew?(host: string, refused: Credentials): boolean;
  /** Where was looked, for "no credentials" messages: one short phrase; empty when there was nowhere to look. */
  readonly searched: string;
  /** What to do about a host that has no login here although one seems to be meant for it; completes a hint. */
  advice?(host: string): string | undefined;
}

/** The user that Google's registries know OAuth2 tokens by. */
export const accessTokenUser = 'oauth2accesstoken';

/** Docker's user name for "the password is an identity token". */
export const identityUser = '<token>';

/** Without the line end that a secret brought along from its file: a classic reason for "wrong password". */
export function withoutLineEnd(secret: string): string {
  return secret.replace(/\r?\n$/, '');
}

/**
 * Reads the `auth` of a config.json: base64 of `user:password`, in whatever alphabet and padding, with line ends in it and
 * NULs at the end from some tools.
 *
 * @returns undefined for anything else
 */
export function decodeAuth(auth: string): { readonly username: string; readonly password: string } | undefined {
  const compact = auth.replace(/\s+/g, '');
  const login = /^[A-Za-z0-9+/_-]+={0,2}$/.test(compact) ? Buffer.from(compact, 'base64').toString('utf8') : '';
  const colon = login.indexOf(':');
  if (colon < 1) return undefined;
  return {
    username: login.slice(0, colon),
    password: withoutLineEnd(login.slice(colon + 1).replace(/\0+$/, '')),
  };
}
