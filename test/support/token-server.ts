// A token server for tests, for the registry's Bearer login: users with rights per repository, every request recorded.
// It signs with RS256 and puts its certificate into the token (x5c), which is what Debian's docker-registry 2.8 checks
// against its `rootcertbundle`. Token format: https://distribution.github.io/distribution/spec/auth/jwt/
import { execFileSync } from 'node:child_process';
import { createPrivateKey, createSign, randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';

/** What a user may do in which repository; `*` stands for every repository. */
export type Rights = Readonly<Record<string, readonly ('pull' | 'push' | 'delete')[]>>;

export interface TokenUser {
  readonly password: string;
  readonly rights: Rights;
  /** Accepted as `refresh_token` of a POST. */
  readonly identityToken?: string;
}

export interface TokenServerOptions {
  /** Folder for the key and the certificate. */
  readonly folder: string;
  readonly users: Readonly<Record<string, TokenUser>>;
  /** What somebody without a login may do. */
  readonly anonymous?: Rights;
  /** 300 by default. distribution grants 60 s more. */
  readonly lifeSeconds?: number;
  /** Answer to POST; 404 as GCR has it, unless identity tokens are to work. */
  readonly post?: 'oauth' | 400 | 401 | 404 | 405;
}

/** One token request. */
export interface TokenRequest {
  readonly method: string;
  readonly scopes: readonly string[];
  readonly service: string;
  /** undefined: no login was sent. */
  readonly user?: string;
  readonly status: number;
}

export interface TokenServer {
  /** `http://127.0.0.1:port/token` */
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** PEM file for the registry's `rootcertbundle`. */
  readonly certificateFile: string;
  requests(): readonly TokenRequest[];
  forget(): void;
  stop(): Promise<void>;
}

const service = 'test-registry';
const issuer = 'test-token-server';

/** Starts the server on a free port of 127.0.0.1. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const { keyFile, certificateFile } = makeCertificate(options.folder);
  const sign = signer(readFileSync(keyFile, 'utf8'), readFileSync(certificateFile, 'utf8'));
  let records: TokenRequest[] = [];
  const server = createServer((incoming, answer) => {
    answerRequest(incoming, options, sign).then(
      ({ record, body }) => {
        records.push(record);
        respond(answer, record.status, body);
      },
      (error: unknown) => respond(answer, 500, { details: String(error) }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the token server has no port');
  return {
    realm: `http://127.0.0.1:${address.port}/token`,
    service,
    issuer,
    certificateFile,
    requests: () => [...records],
    forget: () => {
      records = [];
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function makeCertificate(folder: string): { readonly keyFile: string; readonly certificateFile: string } {
  const keyFile = join(folder, 'token-key.pem');
  const certificateFile = join(folder, 'token-certificate.pem');
  const request = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=${issuer}`.split(' ');
  execFileSync('openssl', [...request, '-keyout', keyFile, '-out', certificateFile], { stdio: 'pipe' });
  return { keyFile, certificateFile };
}

type Sign = (claims: object) => string;

function signer(key: string, certificate: string): Sign {
  const privateKey = createPrivateKey(key);
  const x5c = [new X509Certificate(certificate).raw.toString('base64')];
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return (claims) => {
    const content = `${encode({ typ: 'JWT', alg: 'RS256', x5c })}.${encode(claims)}`;
    return `${content}.${createSign('RSA-SHA256').update(content).sign(privateKey, 'base64url')}`;
  };
}

interface Asked {
  readonly scopes: readonly string[];
  readonly service: string;
  readonly login?: { readonly user: string; readonly secret: string; readonly isIdentity: boolean };
}

async function answerRequest(
  incoming: IncomingMessage,
  options: TokenServerOptions,
  sign: Sign,
): Promise<{ readonly record: TokenRequest; readonly body: object }> {
  const asked = incoming.method === 'POST' ? await readForm(incoming) : readQuery(incoming);
  const user = asked.login?.user;
  const record = (status: number): TokenRequest => ({
    method: incoming.method ?? '',
    scopes: asked.scopes,
    service: asked.service,
    ...(user === undefined ? {} : { user }),
    status,
  });
  const post = options.post ?? 404;
  if (incoming.method === 'POST' && post !== 'oauth')
    return { record: record(post), body: { details: 'no POST here' } };
  const rights = rightsOf(asked, options);
  if (rights === undefined) return { record: record(401), body: { details: 'incorrect username or password' } };
  const seconds = options.lifeSeconds ?? 300;
  const now = Math.floor(Date.now() / 1000);
  const access = asked.scopes.map((scope) => grant(scope, rights)).filter((entry) => entry.actions.length > 0);
  const times = { nbf: now - 10, iat: now, exp: now + seconds };
  const token = sign({ iss: issuer, sub: user ?? '', aud: service, jti: randomUUID(), ...times, access });
  return { record: record(200), body: { token, expires_in: seconds, issued_at: new Date().toISOString() } };
}

function rightsOf({ login }: Asked, options: TokenServerOptions): Rights | undefined {
  if (login === undefined) return options.anonymous ?? {};
  if (login.isIdentity) {
    return Object.values(options.users).find(({ identityToken }) => identityToken === login.secret)?.rights;
  }
  const user = Object.hasOwn(options.users, login.user) ? options.users[login.user] : undefined;
  return user?.password === login.secret ? user.rights : undefined;
}

function grant(scope: string, rights: Rights) {
  const [type = '', name = '', actions = ''] = scope.split(':');
  const allowed: readonly string[] = rights[name] ?? rights['*'] ?? [];
  return { type, name, actions: actions.split(',').filter((action) => allowed.includes(action)) };
}

function readQuery(incoming: IncomingMessage): Asked {
  const { searchParams } = new URL(incoming.url ?? '/', 'http://localhost');
  const encoded = /^Basic (.+)$/.exec(incoming.headers.authorization ?? '')?.[1];
  const login = encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
  const colon = login?.indexOf(':') ?? -1;
  return {
    scopes: searchParams.getAll('scope'),
    service: searchParams.get('service') ?? '',
    ...(login === undefined
      ? {}
      : { login: { user: login.slice(0, colon), secret: login.slice(colon + 1), isIdentity: false } }),
  };
}

async function readForm(incoming: IncomingMessage): Promise<Asked> {
  let text = '';
  for await (const chunk of incoming) text += String(chunk);
  const form = new URLSearchParams(text);
  const secret = form.get('refresh_token');
  return {
    scopes: (form.get('scope') ?? '').split(' ').filter((scope) => scope !== ''),
    service: form.get('service') ?? '',
    ...(secret === null ? {} : { login: { user: '<identity>', secret, isIdentity: true } }),
  };
}

function respond(answer: ServerResponse, status: number, body: object): void {
  answer.writeHead(status, { 'content-type': 'application/json' });
  answer.end(JSON.stringify(body));
}
