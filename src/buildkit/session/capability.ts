// What a session can do for the daemon is a list of capabilities, each in a file of its own: it names the gRPC methods
// that it serves and handles one call at a time. The transport (session.ts) knows none of them.

/** One gRPC call that the daemon makes on our session. */
export interface ServerCall {
  /** Full method, e.g. `/moby.filesync.v1.FileSync/DiffCopy`. */
  readonly method: string;
  /** All values of a request header in wire order, raw as Node shows them (latin1). Empty when absent. */
  headerValues(name: string): readonly string[];
  /** Request messages without gRPC framing; ends when the daemon half-closes. May be read once. */
  readonly messages: AsyncIterable<Buffer>;
  /** Frames and sends one message; resolves when the transport takes more. Rejects when the call is over. */
  send(message: Uint8Array): Promise<void>;
  /** Sends bytes that already carry gRPC frames (several messages in one write); resolves as `send`. */
  sendFramed(frames: Uint8Array): Promise<void>;
  /** Aborted when the daemon resets the call or the connection is gone. */
  readonly signal: AbortSignal;
}

/** Resolves: status 0. Throws RpcError: that status. Throws anything else: status 2 (UNKNOWN) with its message. */
export type MethodHandler = (call: ServerCall) => Promise<void>;

/** A set of methods that the session announces and serves. */
export interface SessionCapability {
  readonly methods: ReadonlyMap<string, MethodHandler>;
}

/** A gRPC status to answer with; numbers as in https://grpc.io/docs/guides/status-codes/. */
export class RpcError extends Error {
  readonly grpcCode: number;

  constructor(grpcCode: number, message: string) {
    super(message);
    this.name = 'RpcError';
    this.grpcCode = grpcCode;
  }
}
