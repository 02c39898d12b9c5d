// A BuildKit daemon that does exactly what a test says, over byte streams in this process: HTTP/2 server on /grpc,
// HTTP/2 client on /session. A call that no script knows is remembered, so that the test can fail.
import { once } from 'node:events';
import {
  connect,
  performServerHandshake,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { duplexPair, type Duplex } from 'node:stream';
import {
  fromBinary,
  toBinary,
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import type { Dial } from '../../../src/buildkit/dial.ts';
import { encodeGrpcMessage, frameMessage, MessageReassembler } from '../../../src/buildkit/grpc.ts';

/** One call that the client makes. */
export class ScriptedCall {
  readonly stream: ServerHttp2Stream;
  /** Which `/grpc` connection it came on, counted from 0. */
  readonly connection: number;
  readonly request: Buffer;

  constructor(stream: ServerHttp2Stream, connection: number, request: Buffer) {
    this.stream = stream;
    this.connection = connection;
    this.request = request;
  }

  read<D extends DescMessage>(schema: D): MessageShape<D> {
    return fromBinary(schema, this.request);
  }

  send<D extends DescMessage>(schema: D, message: MessageInitShape<D>): void {
    if (!this.stream.headersSent) this.stream.respond(okHeaders, { waitForTrailers: true });
    this.stream.write(frameMessage(toBinary(schema, create(schema, message))));
  }

  /** Trailers, or a single block of headers when nothing was sent before. */
  end(code: number, message = '', details?: Uint8Array): void {
    const status = {
      'grpc-status': String(code),
      ...(message === '' ? {} : { 'grpc-message': encodeGrpcMessage(message) }),
      ...(details === undefined ? {} : { 'grpc-status-details-bin': Buffer.from(details).toString('base64') }),
    };
    if (!this.stream.headersSent) {
      this.stream.respond({ ...okHeaders, ...status }, { endStream: true });
      return;
    }
    this.stream.once('wantTrailers', () => this.stream.sendTrailers(status));
    this.stream.end();
  }

  /** The end of the stream without a status. */
  endWithoutTrailers(): void {
    if (!this.stream.headersSent) this.stream.respond(okHeaders, { waitForTrailers: true });
    this.stream.once('wantTrailers', () => this.stream.close());
    this.stream.end();
  }

  /** Resolves with the HTTP/2 code once the call is over. */
  async closed(): Promise<number> {
    if (!this.stream.closed) await once(this.stream, 'close');
    return this.stream.rstCode;
  }
}

const okHeaders = { ':status': 200, 'content-type': 'application/grpc' } as const;

export type Script = Readonly<Record<string, (call: ScriptedCall) => void>>;

/** The daemon's end of a session. */
export interface DaemonSession {
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly http2: ClientHttp2Session;
  readonly socket: Duplex;
}

/** Answer of our session to a call of the daemon. */
export interface SessionAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly messages: readonly Buffer[];
  readonly resetCode: number | undefined;
}

export class ScriptedDaemon {
  readonly #script: Script;
  readonly #sockets = new Set<Duplex>();
  readonly #sessionWaiters: ((session: DaemonSession) => void)[] = [];
  readonly #sessions: DaemonSession[] = [];
  /** What happened, in order: `dial /grpc`, `call Solve`, `close /session`. */
  readonly events: string[] = [];
  readonly unexpected: string[] = [];
  /** `/grpc` connections by number that accept bytes and never answer. */
  silent: ReadonlySet<number> = new Set();
  /** `/grpc` connections by number that cannot be opened. */
  refused: ReadonlySet<number> = new Set();
  #connections = 0;

  constructor(script: Script) {
    this.#script = script;
  }

  /** Resolves when the client has closed everything that it opened. */
  async allClosed(): Promise<void> {
    for (const socket of this.#sockets) {
      if (!socket.closed) await once(socket, 'close');
    }
  }

  /** For the end of each test. Rejects when there were calls that no script knows. */
  async finish(): Promise<void> {
    await this.allClosed();
    if (this.unexpected.length > 0) throw new Error(`unexpected calls: ${this.unexpected.join(', ')}`);
  }

  readonly dial: Dial = (endpoint, headers, signal) => {
    signal.throwIfAborted();
    const [ours, theirs] = duplexPair();
    const number = endpoint === '/grpc' ? this.#connections++ : 0;
    if (endpoint === '/grpc' && this.refused.has(number)) return Promise.reject(new Error('refused'));
    this.events.push(`dial ${endpoint}`);
    this.#sockets.add(theirs);
    for (const socket of [ours, theirs]) socket.on('error', () => undefined);
    // An end of a pair does not notice that the other one was destroyed; a socket would.
    ours.on('close', () => {
      theirs.destroy();
      if (this.#sockets.delete(theirs)) this.events.push(`close ${endpoint}`);
    });
    theirs.on('close', () => ours.destroy());
    if (endpoint === '/session') this.#openSession(theirs, headers);
    else if (!this.silent.has(number)) this.#serve(theirs, number);
    return Promise.resolve(ours);
  };

  /** The session that the client opens next, or has opened. */
  async session(): Promise<DaemonSession> {
    const [session] = this.#sessions;
    if (session !== undefined) return session;
    return await new Promise((resolve) => this.#sessionWaiters.push(resolve));
  }

  /** Cuts every connection, as a daemon that dies does. */
  die(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #openSession(socket: Duplex, headers: ReadonlyArray<readonly [string, string]>): void {
    const http2 = connect('http://localhost', {
      createConnection: () => socket,
      maxHeaderListPairs: 100_000,
      maxSessionMemory: 1_000,
      maxSendHeaderBlockLength: 1_000_000,
    });
    http2.on('error', () => undefined);
    const session = { headers, http2, socket };
    this.#sessions.push(session);
    for (const waiter of this.#sessionWaiters.splice(0)) waiter(session);
  }

  #serve(socket: Duplex, number: number): void {
    const server = performServerHandshake(socket);
    server.on('error', () => undefined);
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => undefined);
      const method = (headers[':path'] ?? '').split('/').at(-1) ?? '';
      this.events.push(`call ${method}`);
      stream.on('close', () => {
        if (stream.rstCode !== 0) this.events.push(`reset ${method} ${String(stream.rstCode)}`);
      });
      const reassembler = new MessageReassembler();
      stream.on('data', (chunk: Buffer) => {
        for (const message of reassembler.push(chunk)) this.#answer(method, new ScriptedCall(stream, number, message));
      });
    });
  }

  #answer(method: string, call: ScriptedCall): void {
    const script = this.#script[method];
    if (script !== undefined) {
      script(call);
      return;
    }
    this.unexpected.push(method);
    call.end(12, `unknown method ${method}`);
  }
}

/** Opens a call on our session, as the daemon does. */
export function openCall(session: DaemonSession, path: string, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
  const stream = session.http2.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => undefined);
  return stream;
}

/** Reads the answer to its end. */
export async function readAnswer(stream: ClientHttp2Stream): Promise<SessionAnswer> {
  const reassembler = new MessageReassembler();
  const messages: Buffer[] = [];
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  stream.on('response', (received) => {
    headers = received;
  });
  stream.on('trailers', (received) => {
    trailers = received;
  });
  stream.on('data', (chunk: Buffer) => messages.push(...reassembler.push(chunk)));
  const closed = new Promise((resolve) => {
    stream.once('close', resolve);
  });
  stream.resume();
  await closed;
  return { headers, trailers, messages, resetCode: stream.rstCode };
}

/** One message in, the answer out. */
export async function callSession(
  session: DaemonSession,
  path: string,
  message: Uint8Array,
  headers: OutgoingHttpHeaders = {},
): Promise<SessionAnswer> {
  const stream = openCall(session, path, headers);
  const answer = readAnswer(stream);
  stream.end(frameMessage(message));
  return await answer;
}
