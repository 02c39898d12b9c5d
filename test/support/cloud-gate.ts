// A piece of internet for tests: a forward proxy, as a company has one, behind which the real names of clouds lead to a TLS
// server of the test. A step that is given this proxy and this authority runs as it does outside, with nothing but the
// settings of its author. Hosts are answered by functions, or passed on to a registry that was started by the test.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import type { TestRegistry } from './registry.ts';

/** One question to a cloud. */
export interface CloudQuestion {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string;
  readonly body: string;
}

export interface CloudReply {
  readonly status: number;
  readonly json: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** undefined: this is not for me, ask the registry behind the host. */
export type CloudService = (question: CloudQuestion) => CloudReply | undefined;

export interface CloudHost {
  readonly service?: CloudService;
  /** With `auth: 'token'`; its token server then answers at `/oauth2/token` of this host. */
  readonly registry?: TestRegistry;
}

export interface CloudGate {
  /** `http://127.0.0.1:port`, for https_proxy. */
  readonly proxy: string;
  /** `127.0.0.1:port` of the TLS server itself, for a daemon, which knows no proxy. */
  readonly address: string;
  /** PEM, for ca_cert. */
  readonly authority: string;
  /** What services answered, in order. */
  readonly questions: readonly CloudQuestion[];
  /** `CONNECT` requests: `host:port`. */
  readonly tunnels: readonly string[];
  forget(): void;
  stop(): Promise<void>;
}

/**
 * Starts it for exactly these hosts; a tunnel to any other is refused.
 *
 * @param own what `address` is
 */
export async function startCloudGate(
  hosts: Readonly<Record<string, CloudHost>>,
  own: CloudHost = {},
): Promise<CloudGate> {
  const questions: CloudQuestion[] = [];
  const tunnels: string[] = [];
  const certificate = makeCertificate(Object.keys(hosts));
  const inside = createTlsServer(certificate, (incoming, answer) => {
    const host = incoming.headers.host ?? '';
    answerCall(host, hosts[host] ?? own, incoming, answer, questions).catch((error: unknown) => {
      answer.writeHead(500).end(String(error));
    });
  });
  const insidePort = await listen(inside);
  const proxy = createServer((_, answer) => answer.writeHead(405).end());
  proxy.on('connect', (incoming, client: Socket) => {
    const target = incoming.url ?? '';
    tunnels.push(target);
    if (!Object.hasOwn(hosts, target.replace(/:443$/, ''))) {
      client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const tunnel = connect(insidePort, '127.0.0.1', () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    pipeline(client, tunnel, client, () => undefined);
  });
  const proxyPort = await listen(proxy);
  return {
    proxy: `http://127.0.0.1:${proxyPort}`,
    address: `127.0.0.1:${insidePort}`,
    authority: certificate.cert,
    questions,
    tunnels,
    forget: () => {
      questions.length = 0;
      tunnels.length = 0;
    },
    stop: async () => {
      await Promise.all([end(proxy), end(inside)]);
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port on loopback');
  return address.port;
}

async function end(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

function makeCertificate(hosts: readonly string[]): { readonly key: string; readonly cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'cloud-gate-'));
  const names = ['IP:127.0.0.1', ...hosts.map((host) => `DNS:${host}`)].join(',');
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=gate';
  const files = ['-keyout', 'key.pem', '-out', 'cert.pem', '-addext', `subjectAltName=${names}`];
  execFileSync('openssl', [...request.split(' '), ...files], { cwd: folder, stdio: 'pipe' });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const certificate = { key: read('key.pem'), cert: read('cert.pem') };
  rmSync(folder, { recursive: true });
  return certificate;
}

async function answerCall(
  host: string,
  { service, registry }: CloudHost,
  incoming: IncomingMessage,
  answer: ServerResponse,
  questions: CloudQuestion[],
): Promise<void> {
  const url = new URL(incoming.url ?? '/', `https://${host}`);
  if (registry !== undefined && (url.pathname.startsWith('/v2/') || url.pathname === '/oauth2/token')) {
    passOn(host, registry, url, incoming, answer);
    return;
  }
  let body = '';
  for await (const chunk of incoming) body += String(chunk);
  const question: CloudQuestion = {
    host,
    method: incoming.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    authorization: incoming.headers.authorization ?? '',
    body,
  };
  questions.push(question);
  const reply = service?.(question) ?? { status: 404, json: { error: `no service for ${url.pathname}` } };
  answer.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
  answer.end(typeof reply.json === 'string' ? reply.json : JSON.stringify(reply.json));
}

/** The registry believes to be this host: it is told so, and the token server that it names is put there too. */
function passOn(
  host: string,
  registry: TestRegistry,
  url: URL,
  incoming: IncomingMessage,
  answer: ServerResponse,
): void {
  const realm = registry.tokens?.realm ?? '';
  const isToken = url.pathname === '/oauth2/token';
  const target = isToken ? new URL(`${realm}${url.search}`) : new URL(`${registry.url}${url.pathname}${url.search}`);
  const headers = { ...incoming.headers, 'x-forwarded-proto': 'https' };
  const outgoing = request(target, { method: incoming.method, headers, agent: false }, (response) => {
    const asked = response.headers['www-authenticate'];
    const challenge = realm === '' ? asked : asked?.replace(realm, `https://${host}/oauth2/token`);
    const more = challenge === undefined ? {} : { 'www-authenticate': challenge };
    answer.writeHead(response.statusCode ?? 502, { ...response.headers, ...more });
    pipeline(response, answer, () => undefined);
  });
  outgoing.on('error', () => answer.destroy());
  pipeline(incoming, outgoing, () => undefined);
}
