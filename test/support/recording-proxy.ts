// A transparent HTTP proxy on loopback that counts what passes: the witness for "how many requests did that take". It
// stands before any server that listens on loopback, keeps the Host header (so that the server's own URLs lead back here),
// and streams both ways.
import { once } from 'node:events';
import { type IncomingMessage, request, Agent, type Server, createServer, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { pipeline } from 'node:stream';

/** One request that reached the proxy, in order of arrival. */
export interface RecordedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** With the question mark; empty when there is none. */
  readonly query: string;
  /** Of the final answer; 0 until there is one. */
  readonly status: number;
  /** Scheme of the Authorization header in lower case, never its value. */
  readonly authorization?: string;
  /** Name in a Basic login, never its password. */
  readonly user?: string;
  readonly userAgent: string;
}

export interface RecordingProxy {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** What was seen since the start or the last `forget`. */
  requests(): readonly RecordedRequest[];
  forget(): void;
  /** `requests`, then `forget`. */
  take(): readonly RecordedRequest[];
  stop(): Promise<void>;
}

export interface RecordingProxyOptions {
  /** PEM: the proxy speaks TLS, the server behind it stays plain. */
  readonly tls?: {
    readonly key: string;
    readonly cert: string;
    /** Clients have to show a certificate of this authority. */
    readonly clientAuthority?: string;
  };
}

/**
 * Starts a proxy on a free port of 127.0.0.1.
 *
 * @param target `127.0.0.1:port` of the server behind it
 * @param refuse a status that the proxy answers by itself, without asking the server; undefined lets a request pass
 */
export async function startRecordingProxy(
  target: string,
  refuse: (method: string, path: string) => number | undefined = () => undefined,
  options: RecordingProxyOptions = {},
): Promise<RecordingProxy> {
  let records: Mutable<RecordedRequest>[] = [];
  const agent = new Agent({ keepAlive: true });
  const requests = (): readonly RecordedRequest[] => records.map((record) => ({ ...record }));
  const forget = (): void => {
    records = [];
  };
  const handle = (incoming: IncomingMessage, answer: ServerResponse): void => {
    const record = describe(incoming);
    records.push(record);
    const refusal = refuse(record.method, record.path);
    if (refusal !== undefined) {
      record.status = refusal;
      incoming.resume();
      answer.writeHead(refusal).end();
      return;
    }
    forward(incoming, answer, { target, agent, isTls: options.tls !== undefined }, (status) => {
      record.status = status;
    });
  };
  const server: Server =
    options.tls === undefined ? createServer(handle) : createTlsServer(tlsOptions(options.tls), handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    host: `127.0.0.1:${address.port}`,
    requests,
    forget,
    take: () => {
      const taken = requests();
      forget();
      return taken;
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

function tlsOptions({ key, cert, clientAuthority: ca }: NonNullable<RecordingProxyOptions['tls']>) {
  if (ca === undefined) return { key, cert };
  // With TLS 1.3 Node hangs up on a client without certificate; other servers say why, as everybody does with 1.2.
  return { key, cert, ca, requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2' as const };
}

/** The blobs whose upload was finished, each as often as it was sent. */
export function uploadedBlobsIn(requests: readonly RecordedRequest[]): readonly string[] {
  return requests
    .filter(({ method, path, status }) => method === 'PUT' && path.includes('/blobs/uploads/') && status === 201)
    .map(({ query }) => new URLSearchParams(query).get('digest') ?? '');
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function describe(incoming: IncomingMessage): Mutable<RecordedRequest> {
  const target = incoming.url ?? '/';
  const question = target.indexOf('?');
  const [scheme, login = ''] = incoming.headers.authorization?.split(' ') ?? [];
  const authorization = scheme?.toLowerCase();
  const user = authorization === 'basic' ? Buffer.from(login, 'base64').toString('utf8').split(':')[0] : undefined;
  return {
    method: incoming.method ?? '',
    path: question < 0 ? target : target.slice(0, question),
    query: question < 0 ? '' : target.slice(question),
    status: 0,
    ...(authorization === undefined ? {} : { authorization }),
    ...(user === undefined ? {} : { user }),
    userAgent: incoming.headers['user-agent'] ?? '',
  };
}

function forward(
  incoming: IncomingMessage,
  answer: ServerResponse,
  to: { readonly target: string; readonly agent: Agent; readonly isTls: boolean },
  onStatus: (status: number) => void,
): void {
  const outgoing = request({
    host: to.target.slice(0, to.target.lastIndexOf(':')),
    port: to.target.slice(to.target.lastIndexOf(':') + 1),
    method: incoming.method,
    path: incoming.url,
    headers: { ...incoming.headers, ...(to.isTls ? { 'x-forwarded-proto': 'https' } : {}) },
    agent: to.agent,
  });
  outgoing.on('response', (response) => {
    onStatus(response.statusCode ?? 0);
    answer.writeHead(response.statusCode ?? 502, response.rawHeaders);
    pipeline(response, answer, () => undefined);
  });
  // A server that went away must look to the client as it looked to us: the connection ends without an answer.
  outgoing.on('error', () => answer.destroy());
  answer.on('close', () => {
    if (!answer.writableEnded) outgoing.destroy();
  });
  pipeline(incoming, outgoing, () => undefined);
}

/** A port of 127.0.0.1 that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port on loopback');
  server.close();
  await once(server, 'close');
  return address.port;
}

/** Whether somebody accepts connections on a port of 127.0.0.1. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
