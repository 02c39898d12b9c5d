// What a registry login is, and the one question the clients may ask about it. The answer is for an exact host (and
// repository path); whoever asks sends it nowhere else. See the Docker config.json format for the three kinds.

/** A login for one registry host. `source` names where it was found ("settings username/password"), never the value. */
export type Credentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string; readonly source: string }
  /** An OAuth2 refresh token (`identitytoken` in config.json); exchanged at the token server, never sent to /v2/. */
  | { readonly kind: 'identity-token'; readonly token: string; readonly source: string }
  /** A ready Bearer token (`registrytoken` in config.json). */
  | { readonly kind: 'registry-token'; readonly token: string; readonly source: string };

/** Finds the login for a registry. */
export interface CredentialSource {
  /**
   * @param host `host[:port]` in the spelling of a parsed reference's domain (`docker.io` for Docker Hub)
   * @param path repository path (`library/golang`) when known: path-scoped logins win by longest prefix
   * @returns undefined when there is none: the caller goes on anonymously
   */
  find(host: string, path?: string): Promise<Credentials | undefined>;
  /** Where was looked, for "no credentials" messages: one short phrase. */
  readonly searched: string;
}
