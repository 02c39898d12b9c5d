// One HTTP/2 connection to the daemon on which we are the gRPC client. It notices a dead peer by itself: node:http2 goes
// silent, without any event, when a header is too large for it (a failing build returns its whole Dockerfile in one), and
// a stopped machine never closes its sockets. Hence the pings.
import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Dial } from './dial.ts';
import { FramingError, frameMessage, grpcCodes, MessageReassembler, readGrpcStatus, type GrpcStatus } from './grpc.ts';
import { clientLimits, connectionWindowBytes } from './http2-limits.ts';

/** Often enough to notice a loss within half a minute, rare enough to cost nothing. */
const defaultPingIntervalMs = 10_000;

/** One may be lost to a garbage collection or a full disk on the other side. */
const maxUnansweredPings = 2;

/** Why a call did not succeed. */
export class CallError extends Error {
  readonly grpcCode: number;
  /** The connection ended (or went silent) before the daemon had given a status. */
  readonly lost: boolean;
  /** An encoded google.rpc.Status, when the daemon sent one. */
  readonly details: Buffer | undefined;

  constructor(status: GrpcStatus, options: { readonly lost?: boolean; readonly cause?: unknown } = {}) {
    super(status.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CallError';
    this.grpcCode = status.code;
    this.lost = options.lost ?? false;
    this.details = status.details;
  }
}

/** How a connection behaves; the defaults are for production. */
export interface ConnectionOptions {
  readonly pingIntervalMs?: number;
}

/** A connection for any number of calls, one after the other or at once. */
export class GrpcConnection {
  readonly #socket: Duplex;
  readonly #session: ClientHttp2Session;
  readonly #pings: NodeJS.Timeout;
  #unansweredPings = 0;
  #lossReason: string | undefined;

  private constructor(socket: Duplex, session: ClientHttp2Session, pingIntervalMs: number) {
    this.#socket = socket;
    this.#session = session;
    this.#pings = setInterval(() => this.#ping(), pingIntervalMs);
    this.#pings.unref();
    session.on('error', (error) => this.#lose(error.message));
    session.on('goaway', (code) => {
      if (code !== constants.NGHTTP2_NO_ERROR) this.#lose(`the daemon ended it with HTTP/2 error ${String(code)}`);
    });
    session.on('close', () => this.#lose('the daemon closed it'));
    socket.on('error', (error) => this.#lose(error.message));
    socket.on('close', () => this.#lose('the daemon closed it'));
  }

  /** Opens `/grpc`. Rejects as the dial does, or with CallError when the peer does not speak HTTP/2. */
  static async connect(dial: Dial, signal: AbortSignal, options: ConnectionOptions = {}): Promise<GrpcConnection> {
    const socket = await dial('/grpc', [], signal);
    const session = connect('http://docker', { ...clientLimits, createConnection: () => socket });
    const connection = new GrpcConnection(socket, session, options.pingIntervalMs ?? defaultPingIntervalMs);
    try {
      await once(session, 'connect', { signal });
      session.setLocalWindowSize(connectionWindowBytes);
    } catch (error) {
      connection.close();
      signal.throwIfAborted();
      throw connection.#loss(error);
    }
    return connection;
  }

  /**
   * Makes a call with one request message.
   * @param path `/package.Service/Method`
   * @param onMessage gets each message of the answer as it arrives
   * @returns when the daemon has ended the call with status 0
   * Rejects with CallError, or with the signal's reason; an abort resets the call, which ends its work in the daemon.
   */
  async call(
    path: string,
    request: Uint8Array,
    onMessage: (message: Buffer) => void,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const stream = this.#open(path);
    const reset = (): void => stream.close(constants.NGHTTP2_CANCEL);
    signal.addEventListener('abort', reset, { once: true });
    try {
      const end = await runCall(stream, frameMessage(request), onMessage);
      // A status that came before the abort took effect is the truth.
      if (end.status === undefined) signal.throwIfAborted();
      this.#check(path, end);
    } finally {
      signal.removeEventListener('abort', reset);
    }
  }

  /** Ends all calls at once. */
  close(): void {
    clearInterval(this.#pings);
    this.#session.destroy();
    this.#socket.destroy();
  }

  #open(path: string): ClientHttp2Stream {
    try {
      return this.#session.request({
        ':method': 'POST',
        ':scheme': 'http',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        'user-agent': 'docker-build',
      });
    } catch (error) {
      throw this.#loss(error);
    }
  }

  #check(path: string, end: CallEnd): void {
    const { status } = end;
    // Something in between has answered, with a text that is no message.
    if (status === undefined && end.httpStatus !== undefined && end.httpStatus !== 200) {
      throw new CallError({ code: grpcCodes.unknown, message: `${path}: HTTP status ${String(end.httpStatus)}` });
    }
    if (end.failure !== undefined) throw end.failure;
    if (status === undefined) {
      if (end.resetCode === constants.NGHTTP2_CANCEL && this.#lossReason === undefined) {
        throw new CallError({ code: grpcCodes.cancelled, message: `${path}: the daemon cancelled the call` });
      }
      throw this.#loss(end.streamError);
    }
    if (status.code !== grpcCodes.ok) throw new CallError(status);
    if (end.tornMessage) throw new CallError({ code: grpcCodes.internal, message: `${path}: the answer is cut short` });
  }

  #loss(cause: unknown): CallError {
    const message = `no answer came${this.#lossReason === undefined ? '' : ` (${this.#lossReason})`}`;
    return new CallError({ code: grpcCodes.unavailable, message }, { lost: true, cause });
  }

  #ping(): void {
    if (this.#unansweredPings >= maxUnansweredPings) {
      this.#lose(`${String(maxUnansweredPings)} pings were not answered`);
      return;
    }
    this.#unansweredPings++;
    if (this.#session.destroyed) return;
    this.#session.ping((error) => {
      if (error === null) this.#unansweredPings = 0;
    });
  }

  #lose(reason: string): void {
    this.#lossReason ??= reason;
    this.close();
  }
}

/** Everything that is known when a stream has closed. */
interface CallEnd {
  readonly httpStatus: number | undefined;
  readonly status: GrpcStatus | undefined;
  readonly resetCode: number | undefined;
  readonly tornMessage: boolean;
  /** Our own reason to end the call: bad framing, or a receiver that threw. */
  readonly failure: unknown;
  readonly streamError: unknown;
}

async function runCall(
  stream: ClientHttp2Stream,
  request: Buffer,
  onMessage: (message: Buffer) => void,
): Promise<CallEnd> {
  const reassembler = new MessageReassembler();
  let httpStatus: number | undefined;
  let status: GrpcStatus | undefined;
  let failure: unknown;
  let streamError: unknown;
  stream.on('response', (headers) => {
    httpStatus = headers[':status'];
    status = readGrpcStatus(headers);
  });
  stream.on('trailers', (trailers) => {
    status ??= readGrpcStatus(trailers);
  });
  stream.on('data', (chunk: Buffer) => {
    if (failure !== undefined) return;
    try {
      for (const message of reassembler.push(chunk)) onMessage(message);
    } catch (error) {
      failure = error instanceof FramingError ? new CallError({ code: error.grpcCode, message: error.message }) : error;
      stream.close(constants.NGHTTP2_CANCEL);
    }
  });
  stream.on('error', (error) => {
    streamError = error;
  });
  const closed = new Promise<void>((resolve) => {
    stream.once('close', resolve);
  });
  stream.end(request);
  await closed;
  const tornMessage = reassembler.pendingBytes > 0;
  return { httpStatus, status, resetCode: stream.rstCode, tornMessage, failure, streamError };
}
