// Answers the daemon's questions for registry logins. Tokens are fetched by us, so that passwords stay here; only a
// registry without token server gets the login itself. A login is given for the exact host that it belongs to.
// moby/buildkit session/auth
import { randomBytes } from 'node:crypto';
import { registryHost } from '../../base/registry-host.ts';
import { Auth } from '../gen/registry_auth_pb.js';
import { grpcCodes } from '../grpc.ts';
import { RpcError, type SessionCapability } from './capability.ts';
import { deriveTokenAuthority, type TokenAuthority } from './token-authority.ts';
import { unaryMethod } from './unary.ts';

/** Where tokens and logins come from; decides which scopes it grants. Hosts are `host[:port]`, `docker.io` for Docker Hub. */
export interface TokenSource {
  /** Rejects when the token server refuses or the scopes are not granted. An empty token is anonymous access. */
  fetchToken(
    request: {
      readonly host: string;
      readonly realm: string;
      readonly service: string;
      readonly scopes: readonly string[];
    },
    signal: AbortSignal,
  ): Promise<{ readonly token: string; readonly expiresInSeconds: number; readonly issuedAt: Date }>;
  /** For registries that speak only Basic. An empty user name makes the secret a refresh token. */
  login(host: string): Promise<{ readonly username: string; readonly secret: string } | undefined>;
  /** Whether there is a login at all. */
  hasLogin(host: string): Promise<boolean>;
}

/** What the daemon signs for: 32 random bytes. Nothing else gets our signature. */
const payloadBytes = 32;

/** Host name, IPv4 or bracketed IPv6 address, with an optional port; no user, path, upper case or trailing dot. */
const plainHost =
  /^(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::\d{1,5})?$/;

/** Serves `moby.filesync.v1.Auth`. */
export function authCapability(tokens: TokenSource): SessionCapability {
  // New for each run: nobody who knows a registry's password can derive the key.
  const runSecret = randomBytes(32);
  const authority = async (host: string, salt: Uint8Array): Promise<TokenAuthority> => {
    const known = await tokens.hasLogin(host);
    return deriveTokenAuthority(salt, known ? Buffer.concat([runSecret, Buffer.from(host, 'utf8')]) : Buffer.alloc(0));
  };
  return {
    methods: new Map([
      unaryMethod(Auth.method.getTokenAuthority, async ({ Host, Salt }) => ({
        PublicKey: (await authority(requireHost(Host), Salt)).publicKey,
      })),
      unaryMethod(Auth.method.verifyTokenAuthority, async ({ Host, Salt, Payload }) => {
        if (Payload.length !== payloadBytes) throw new RpcError(grpcCodes.unimplemented, 'unknown kind of payload');
        return { Signed: (await authority(requireHost(Host), Salt)).sign(Payload) };
      }),
      unaryMethod(Auth.method.fetchToken, async ({ Host, Realm, Service, Scopes }, signal) => {
        const request = { host: requireHost(Host), realm: Realm, service: Service, scopes: Scopes };
        const { token, expiresInSeconds, issuedAt } = await tokens.fetchToken(request, signal);
        return {
          Token: token,
          ExpiresIn: BigInt(Math.max(0, Math.floor(expiresInSeconds))),
          IssuedAt: BigInt(Math.floor(issuedAt.getTime() / 1000)),
        };
      }),
      unaryMethod(Auth.method.credentials, async ({ Host }) => {
        const host = readHost(Host);
        const login = host === undefined ? undefined : await tokens.login(host);
        // An empty answer is anonymous access.
        return login === undefined ? {} : { Username: login.username, Secret: login.secret };
      }),
    ]),
  };
}

/** The daemon's host in our spelling; undefined for anything that only looks like one. */
function readHost(host: string): string | undefined {
  // Docker Hub is asked for by the host of its API.
  return plainHost.test(host) ? registryHost(host) : undefined;
}

/** UNIMPLEMENTED makes the daemon go on without us, that is anonymously. */
function requireHost(host: string): string {
  const known = readHost(host);
  if (known === undefined) throw new RpcError(grpcCodes.unimplemented, 'not a plain registry host');
  return known;
}
