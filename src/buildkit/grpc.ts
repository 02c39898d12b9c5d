// The facts of gRPC on the wire that both ends need: five bytes before each message, and a status in the trailers.
// Nothing is ever compressed: we offer no encoding, so no peer may use one.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

/** Status codes that this client sends or looks at; https://grpc.io/docs/guides/status-codes/ */
export const grpcCodes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** One flag byte, then the length as a 32-bit number, most significant byte first. */
const prefixBytes = 5;

/**
 * The daemon's own limit is 16 MiB a message; twice that is never legitimate, and a length that the peer made up must not
 * make us allocate.
 */
export const maxMessageBytes = 32 * 1024 * 1024;

/** A message that breaks the framing rules; `grpcCode` is what to answer with. */
export class FramingError extends Error {
  readonly grpcCode: number;

  constructor(grpcCode: number, message: string) {
    super(message);
    this.name = 'FramingError';
    this.grpcCode = grpcCode;
  }
}

/** The message with its prefix. */
export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

/** Cuts a byte stream into messages, wherever its chunks may begin and end. */
export class MessageReassembler {
  #chunks: Buffer[] = [];
  #pendingBytes = 0;

  /** Bytes of a message that has begun but not ended. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The messages that this chunk completes. Throws FramingError. */
  push(chunk: Buffer): readonly Buffer[] {
    this.#chunks.push(chunk);
    this.#pendingBytes += chunk.length;
    const messages: Buffer[] = [];
    for (;;) {
      const length = this.#nextLength();
      if (length === undefined || this.#pendingBytes < prefixBytes + length) return messages;
      const all = this.#joined();
      messages.push(all.subarray(prefixBytes, prefixBytes + length));
      const rest = all.subarray(prefixBytes + length);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#pendingBytes = rest.length;
    }
  }

  #nextLength(): number | undefined {
    if (this.#pendingBytes < prefixBytes) return undefined;
    // Joined only while the prefix itself is torn: a long message is copied once, when it is whole.
    const first = this.#chunks[0];
    const head = first !== undefined && first.length >= prefixBytes ? first : this.#joined();
    if (head[0] !== 0) throw new FramingError(grpcCodes.unimplemented, 'compressed gRPC messages are not supported');
    const length = head.readUInt32BE(1);
    if (length > maxMessageBytes) {
      throw new FramingError(
        grpcCodes.resourceExhausted,
        `a gRPC message of ${String(length)} bytes is larger than the limit of ${String(maxMessageBytes)}`,
      );
    }
    return length;
  }

  #joined(): Buffer {
    const [first] = this.#chunks;
    if (this.#chunks.length === 1 && first !== undefined) return first;
    const all = Buffer.concat(this.#chunks, this.#pendingBytes);
    this.#chunks = [all];
    return all;
  }
}

/** `grpc-message` for sending: UTF-8 with everything but printable ASCII, and `%` itself, percent-encoded. */
export function encodeGrpcMessage(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** `grpc-message` as received (latin1, as Node shows headers). Lenient: a `%` without two hex digits stays. */
export function decodeGrpcMessage(value: string): string {
  const binary = value.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(binary, 'latin1').toString('utf8');
}

/** How a call ended, as the peer said it. */
export interface GrpcStatus {
  readonly code: number;
  readonly message: string;
  /** `grpc-status-details-bin`: an encoded google.rpc.Status. */
  readonly details?: Buffer;
}

/** Headers or trailers as node:http2 gives them. */
export type HeaderMap = Readonly<Record<string, string | readonly string[] | number | undefined>>;

/** The status in trailers, or in the only headers of a call that failed at once; undefined when there is none. */
export function readGrpcStatus(headers: HeaderMap): GrpcStatus | undefined {
  const code = firstValue(headers, 'grpc-status');
  if (code === undefined) return undefined;
  const details = firstValue(headers, 'grpc-status-details-bin');
  return {
    code: /^\d{1,3}$/.test(code) ? Number(code) : grpcCodes.unknown,
    message: decodeGrpcMessage(firstValue(headers, 'grpc-message') ?? ''),
    // Buffer reads base64 with and without padding.
    ...(details === undefined ? {} : { details: Buffer.from(details, 'base64') }),
  };
}

function firstValue(headers: HeaderMap, name: string): string | undefined {
  const value = headers[name];
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  return value?.[0];
}
