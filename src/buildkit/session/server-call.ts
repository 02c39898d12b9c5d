// One gRPC call that the daemon makes on our session, on top of an HTTP/2 stream: metadata, messages in both
// directions with backpressure, and the status at the end.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
import type { ServerHttp2Stream } from 'node:http2';
import { encodeGrpcMessage, FramingError, frameMessage, grpcCodes, MessageReassembler } from '../grpc.ts';
import { RpcError, type MethodHandler, type ServerCall } from './capability.ts';

const responseHeaders = { ':status': 200, 'content-type': 'application/grpc' } as const;

/** A call and the means to end it. */
export class IncomingCall implements ServerCall {
  readonly method: string;
  readonly messages: AsyncGenerator<Buffer>;
  readonly signal: AbortSignal;
  readonly #stream: ServerHttp2Stream;
  readonly #rawHeaders: readonly string[];

  /** @param rawHeaders names and values in turn, as they came: the parsed object would join or drop repeated ones */
  constructor(stream: ServerHttp2Stream, rawHeaders: readonly string[]) {
    const abort = new AbortController();
    this.#stream = stream;
    this.#rawHeaders = rawHeaders;
    this.method = this.headerValues(':path')[0] ?? '';
    this.messages = readMessages(stream);
    this.signal = abort.signal;
    // Whatever the reason is, 'close' follows.
    stream.on('error', () => undefined);
    stream.on('close', () => abort.abort(callIsOver()));
  }

  headerValues(name: string): readonly string[] {
    const wanted = name.toLowerCase();
    const values: string[] = [];
    for (let i = 0; i + 1 < this.#rawHeaders.length; i += 2) {
      const value = this.#rawHeaders[i + 1];
      if (value !== undefined && this.#rawHeaders[i]?.toLowerCase() === wanted) values.push(value);
    }
    return values;
  }

  async send(message: Uint8Array): Promise<void> {
    await this.sendFramed(frameMessage(message));
  }

  async sendFramed(frames: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed || stream.writableEnded) throw callIsOver();
    if (!stream.headersSent) stream.respond(responseHeaders, { waitForTrailers: true });
    if (stream.write(frames)) return;
    await drained(stream);
  }

  /** Runs the handler and answers with what became of it. @returns what the handler threw, when that is not an RpcError */
  async answerWith(handler: MethodHandler): Promise<Error | undefined> {
    try {
      await handler(this);
      this.#end(grpcCodes.ok, '');
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      const known = error instanceof RpcError || error instanceof FramingError;
      this.#end(known ? error.grpcCode : grpcCodes.unknown, error.message);
      if (!known) return error;
    } finally {
      // Not awaited: a reader that still waits for a message is only freed by the end of the stream.
      void this.#discardRest();
    }
    return undefined;
  }

  /** What the daemon still sends is not wanted any more, but the stream can only end once it is read. */
  async #discardRest(): Promise<void> {
    try {
      await this.messages.return(undefined);
    } catch {
      // The reader's own end was bad; its handler has heard of it.
    }
    this.#stream.resume();
  }

  #end(code: number, message: string): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const status = {
      'grpc-status': String(code),
      ...(message === '' ? {} : { 'grpc-message': encodeGrpcMessage(message) }),
    };
    if (!stream.headersSent && code !== grpcCodes.ok) {
      stream.respond({ ...responseHeaders, ...status }, { endStream: true });
      return;
    }
    if (!stream.headersSent) stream.respond(responseHeaders, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers(status));
    stream.end();
  }
}

async function* readMessages(stream: ServerHttp2Stream): AsyncGenerator<Buffer> {
  const reassembler = new MessageReassembler();
  // The stream outlives its reader: the answer still has to be written.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    if (Buffer.isBuffer(chunk)) yield* reassembler.push(chunk);
  }
  if (reassembler.pendingBytes > 0) throw new FramingError(grpcCodes.internal, 'the last message is cut short');
}

/** Resolves when the stream takes more; rejects when it will not. */
async function drained(stream: ServerHttp2Stream): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const settle = (): void => {
      stream.off('drain', settle);
      stream.off('close', settle);
      if (stream.destroyed) reject(callIsOver());
      else resolve();
    };
    stream.once('drain', settle);
    stream.once('close', settle);
  });
}

function callIsOver(): RpcError {
  return new RpcError(grpcCodes.cancelled, 'the daemon has ended this call');
}
