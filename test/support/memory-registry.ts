// A small OCI registry in this process, on a real socket of 127.0.0.1, for behaviour that a real one cannot be made to show:
//
//   const registry = await startMemoryRegistry({ auth: 'bearer', echoTags: true });
//   registry.host                          // "127.0.0.1:43210", plain http
//   registry.counts()                      // { 'GET /v2/': 1, 'PUT manifest': 3, 'GET token': 1, ... }
//   registry.requests()                    // each request: method, kind, path, query, status, authorization, body size
//   registry.repository('a/b').tags        // what is stored: blobs, manifests, tags (change it to set a scene)
//   registry.fail({ method: 'PUT', kind: 'manifest', nth: 2, answer: { status: 503, headers: { 'retry-after': '1' } } })
//   registry.fail({ kind: 'upload', method: 'PUT', answer: 'break-after' })   // stored, answer lost
//   await startMemoryRegistry(personalities.ghcr)   // behaves as that one about blobs: memory-uploads.ts
//   await registry.stop()
//
// Logins: `user` with `password`; Bearer tokens come from `/token` of the same server. OCI distribution-spec 1.1.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type BlobHabits, digestOf, MemoryUploads, problem } from './memory-uploads.ts';

export type RequestKind = 'ping' | 'token' | 'blob' | 'upload' | 'manifest' | 'other';

export interface SeenRequest {
  readonly method: string;
  readonly kind: RequestKind;
  readonly path: string;
  readonly query: string;
  readonly authorization: string;
  readonly bodyBytes: number;
  /** The Content-Range header; empty when there is none. */
  readonly range: string;
  readonly status: number;
}

export interface CannedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
}

/** What happens instead of the right answer. */
export interface Fault {
  readonly method?: string;
  readonly kind?: RequestKind;
  readonly path?: RegExp;
  /** Counted from 1 among the requests that match from now on; every one when left out. */
  readonly nth?: number;
  /**
   * An answer; `break` = the connection ends before anything is done; `break-after` = the work is done, the answer is lost;
   * `hang` = silence; `hang-after` = the work is done, then silence.
   */
  readonly answer: CannedAnswer | 'break' | 'break-after' | 'hang' | 'hang-after';
}

export interface StoredRepository {
  readonly blobs: Map<string, Buffer>;
  /** By digest. */
  readonly manifests: Map<string, { readonly mediaType: string; readonly bytes: Buffer }>;
  /** Tag to digest. */
  readonly tags: Map<string, string>;
}

export interface MemoryRegistryOptions extends BlobHabits {
  readonly auth?: 'open' | 'basic' | 'bearer';
  /** Confirms `?tag=a&tag=b` by OCI-Tag; else the parameter is ignored, as by distribution 2.8. */
  readonly echoTags?: boolean;
  readonly tokenLifeSeconds?: number;
  /** 413 for a body of more bytes, as a proxy before it would answer. */
  readonly maxBodyBytes?: number;
  /** Realm in the challenge, instead of the own one. */
  readonly realm?: string;
}

export interface MemoryRegistry {
  readonly host: string;
  readonly url: string;
  repository(path: string): StoredRepository;
  requests(): readonly SeenRequest[];
  /** Uploads that were begun and neither finished nor cancelled. */
  openUploads(): number;
  /** How often each `METHOD kind` was asked. */
  counts(): Readonly<Record<string, number>>;
  forget(): void;
  fail(fault: Fault): void;
  /** Ends the life of all tokens that were given out so far. */
  expireTokens(): void;
  /** Of the one user there is; tokens that were given out end with the old one. */
  changePassword(password: string): void;
  stop(): Promise<void>;
}

export const memoryLogin = { username: 'user', password: 'pass-word' } as const;

interface State {
  password: string;
  readonly options: MemoryRegistryOptions;
  readonly repositories: Map<string, StoredRepository>;
  readonly tokens: Map<string, readonly string[]>;
  readonly uploads: MemoryUploads;
  readonly url: () => string;
}

interface PlannedFault {
  readonly fault: Fault;
  count: number;
}

export interface Call {
  readonly incoming: IncomingMessage;
  readonly method: string;
  readonly url: URL;
  readonly body: Buffer;
}

/** Starts a registry on a free port. */
export async function startMemoryRegistry(options: MemoryRegistryOptions = {}): Promise<MemoryRegistry> {
  let seen: SeenRequest[] = [];
  const faults: PlannedFault[] = [];
  let host = '';
  const url = (): string => `http://${host}`;
  const repositories = new Map<string, StoredRepository>();
  const uploads = new MemoryUploads(options, url, (path) => repositories.get(path));
  const state: State = { password: memoryLogin.password, options, repositories, tokens: new Map(), uploads, url };

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const url = new URL(incoming.url ?? '/', state.url());
    const method = incoming.method ?? '';
    const kind = kindOf(url.pathname);
    const [fault] = faults.flatMap((entry) => (isDue(entry, method, kind, url.pathname) ? [entry.fault.answer] : []));
    if (fault === 'break') return void incoming.socket.destroy();
    const body = await readAll(incoming);
    const normal = fault === undefined || fault === 'break-after' || fault === 'hang-after';
    const answer = normal ? handle(state, { incoming, method, url, body }) : fault;
    const status = answer === 'hang' ? 0 : answer.status;
    const { authorization = '' } = incoming.headers;
    seen.push({
      method,
      kind,
      path: url.pathname,
      query: url.search,
      authorization,
      bodyBytes: body.length,
      range: incoming.headers['content-range'] ?? '',
      status,
    });
    if (fault === 'break-after') return void incoming.socket.destroy();
    if (answer === 'hang' || fault === 'hang-after') return;
    outgoing.writeHead(answer.status, { 'content-length': Buffer.byteLength(answer.body ?? ''), ...answer.headers });
    outgoing.end(method === 'HEAD' ? undefined : answer.body);
  };
  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  host = `127.0.0.1:${address.port}`;

  return {
    host,
    url: `http://${host}`,
    repository: (path) => repositoryOf(state, path),
    requests: () => [...seen],
    openUploads: () => uploads.openCount,
    counts: () => countBy(seen.map(({ method, kind }) => `${method} ${kind}`)),
    forget: () => {
      seen = [];
    },
    fail: (fault) => void faults.push({ fault, count: 0 }),
    expireTokens: () => state.tokens.clear(),
    changePassword: (password) => {
      state.password = password;
      state.tokens.clear();
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Counts a request that matches. */
function isDue(entry: PlannedFault, method: string, kind: RequestKind, path: string): boolean {
  const { fault } = entry;
  if ((fault.method ?? method) !== method || (fault.kind ?? kind) !== kind || fault.path?.test(path) === false)
    return false;
  entry.count += 1;
  return (fault.nth ?? entry.count) === entry.count;
}

function handle(state: State, call: Call): CannedAnswer {
  const path = call.url.pathname;
  if (path === '/token') return giveToken(state, call);
  const match = /^\/v2\/(?:(.+)\/(blobs\/uploads|blobs|manifests)\/(.*))?$/.exec(path);
  if (match === null) return problem(404, 'NAME_UNKNOWN');
  const [, name = '', kind = 'ping', reference = ''] = match;
  if (call.body.length > (state.options.maxBodyBytes ?? Infinity))
    return { status: 413, body: '<html>too large</html>' };
  const refused = checkLogin(state, call, name);
  if (refused !== undefined) return refused;
  if (kind === 'ping') return { status: 200, body: '{}' };
  const repository = repositoryOf(state, name);
  if (kind === 'manifests') return handleManifest(state, repository, call, reference);
  if (kind === 'blobs') return state.uploads.answer(repository.blobs.get(reference), reference);
  return state.uploads.handle(repository, name, call);
}

function handleManifest(state: State, repository: StoredRepository, call: Call, reference: string): CannedAnswer {
  if (call.method === 'PUT') {
    const digest = digestOf(call.body);
    if (reference.startsWith('sha256:') && reference !== digest) return problem(400, 'DIGEST_INVALID');
    repository.manifests.set(digest, { mediaType: call.incoming.headers['content-type'] ?? '', bytes: call.body });
    const tags = state.options.echoTags === true ? call.url.searchParams.getAll('tag') : [];
    if (!reference.startsWith('sha256:')) repository.tags.set(reference, digest);
    for (const tag of tags) repository.tags.set(tag, digest);
    const echo = tags.length === 0 ? {} : { 'oci-tag': tags.join(', ') };
    return { status: 201, headers: { 'docker-content-digest': digest, ...echo } };
  }
  const digest = repository.tags.get(reference) ?? reference;
  const manifest = repository.manifests.get(digest);
  if (manifest === undefined) return problem(404, 'MANIFEST_UNKNOWN');
  const headers = { 'content-type': manifest.mediaType, 'docker-content-digest': digest };
  return {
    status: 200,
    headers: { ...headers, 'content-length': String(manifest.bytes.length) },
    body: manifest.bytes,
  };
}

function checkLogin({ options, tokens, url, password }: State, call: Call, name: string): CannedAnswer | undefined {
  const { auth = 'open' } = options;
  const authorization = call.incoming.headers.authorization ?? '';
  if (auth === 'open') return undefined;
  if (auth === 'basic') {
    const refusal = { 'www-authenticate': 'Basic realm="memory"' };
    return authorization === basicHeader(password) ? undefined : problem(401, 'UNAUTHORIZED', '', refusal);
  }
  const action = call.method === 'GET' || call.method === 'HEAD' ? 'pull' : 'push';
  const granted = tokens.get(authorization.replace('Bearer ', ''));
  if (granted !== undefined && (name === '' || granted.includes(`${name}:${action}`))) return undefined;
  const error =
    authorization === '' ? '' : `,error="${granted === undefined ? 'invalid_token' : 'insufficient_scope'}"`;
  const scope = name === '' ? '' : `,scope="repository:${name}:${action === 'push' ? 'pull,push' : 'pull'}"`;
  const challenge = `Bearer realm="${options.realm ?? `${url()}/token`}",service="memory"${scope}${error}`;
  return problem(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': challenge });
}

function giveToken({ options, tokens, password }: State, { incoming, url }: Call): CannedAnswer {
  const { authorization } = incoming.headers;
  if (authorization !== undefined && authorization !== basicHeader(password))
    return problem(401, 'UNAUTHORIZED', 'wrong password');
  const allowed = authorization === undefined ? ['pull'] : ['pull', 'push'];
  const rights = url.searchParams.getAll('scope').flatMap((scope) => {
    const [, name = '', actions = ''] = scope.split(':');
    return actions.split(',').flatMap((action) => (allowed.includes(action) ? [`${name}:${action}`] : []));
  });
  const token = randomUUID();
  tokens.set(token, rights);
  return { status: 200, body: JSON.stringify({ token, expires_in: options.tokenLifeSeconds ?? 300 }) };
}

function basicHeader(password: string): string {
  return `Basic ${Buffer.from(`${memoryLogin.username}:${password}`).toString('base64')}`;
}

function repositoryOf(state: State, path: string): StoredRepository {
  const known = state.repositories.get(path) ?? { blobs: new Map(), manifests: new Map(), tags: new Map() };
  state.repositories.set(path, known);
  return known;
}

function kindOf(path: string): RequestKind {
  if (path === '/v2/') return 'ping';
  if (path === '/token') return 'token';
  const part = /\/(blobs\/uploads|blobs|manifests)\//.exec(path)?.[1];
  return part === 'manifests' ? 'manifest' : part === 'blobs' ? 'blob' : part === undefined ? 'other' : 'upload';
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await incoming.toArray());
}

function countBy(names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, names.filter((other) => other === name).length]));
}
