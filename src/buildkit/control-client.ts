// BuildKit's control API as typed calls: what the daemon's worker can do, run a build, watch it, look it up afterwards.
// moby/buildkit api/services/control/control.proto; engines before 23.0 lack the history calls.
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { PluginError } from '../base/plugin-error.ts';
import type { Dial } from './dial.ts';
import { Control, type SolveRequestSchema } from './gen/build_control_pb.js';
import { StatusSchema } from './gen/rpc_status_pb.js';
import { grpcCodes } from './grpc.ts';
import { CallError, GrpcConnection, type ConnectionOptions } from './grpc-connection.ts';
import { readStatus, type StatusUpdate } from './status.ts';
import { readWorker, type Worker } from './workers.ts';

/** Calls that answer from memory; a daemon that needs longer is hanging. */
const shortCallLimitMs = 30_000;

/** What the daemon's build history says about a build. */
export type BuildRecord =
  | { readonly kind: 'failed'; readonly error: CallError }
  /** Still running, unknown, or completed without an error; never a proof of success. */
  | { readonly kind: 'inconclusive' }
  /** The engine keeps no history. */
  | { readonly kind: 'unsupported' };

/** A connection to the daemon's BuildKit. Open one for each call that lasts: a hanging one takes the others with it. */
export class ControlClient {
  readonly #connection: GrpcConnection;

  private constructor(connection: GrpcConnection) {
    this.#connection = connection;
  }

  /** Rejects with a PluginError (exit 5) when the daemon cannot be reached. */
  static async connect(dial: Dial, signal: AbortSignal, options?: ConnectionOptions): Promise<ControlClient> {
    try {
      return new ControlClient(await GrpcConnection.connect(dial, signal, options));
    } catch (error) {
      throw error instanceof CallError ? daemonError('connecting to BuildKit', error) : error;
    }
  }

  /** Rejects with a PluginError (exit 5). */
  async listWorkers(signal: AbortSignal): Promise<readonly Worker[]> {
    const limit = AbortSignal.timeout(shortCallLimitMs);
    try {
      const response = await this.#unary(Control.method.listWorkers, {}, AbortSignal.any([signal, limit]));
      return response.record.map(readWorker);
    } catch (error) {
      if (error instanceof CallError) throw daemonError('asking BuildKit for its workers', error);
      signal.throwIfAborted();
      throw limit.aborted ? noAnswer('asking BuildKit for its workers', error) : error;
    }
  }

  /** Runs a build. Rejects with CallError or the signal's reason; an abort stops the running step within milliseconds. */
  async solve(
    request: MessageInitShape<typeof SolveRequestSchema>,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    return (await this.#unary(Control.method.solve, request, signal)).ExporterResponse;
  }

  /** Progress of the build until it ends. Rejects with CallError or the signal's reason. */
  async status(ref: string, onStatus: (status: StatusUpdate) => void, signal: AbortSignal): Promise<void> {
    await this.#stream(Control.method.status, { Ref: ref }, (response) => onStatus(readStatus(response)), signal);
  }

  /** What the history knows now. Rejects with CallError or the signal's reason. */
  async findBuildRecord(ref: string, signal: AbortSignal): Promise<BuildRecord> {
    let found: BuildRecord = { kind: 'inconclusive' };
    try {
      await this.#stream(
        Control.method.listenBuildHistory,
        { Ref: ref, EarlyExit: true },
        ({ record }) => {
          const error = record?.Ref === ref ? record.error : undefined;
          if (error === undefined || error.code === grpcCodes.ok) return;
          const details = Buffer.from(toBinary(StatusSchema, error));
          found = { kind: 'failed', error: new CallError({ code: error.code, message: error.message, details }) };
        },
        signal,
      );
    } catch (error) {
      if (!isUnimplemented(error)) throw error;
      return { kind: 'unsupported' };
    }
    return found;
  }

  /** Removes a build from the history, which keeps build arguments. Engines without a history have nothing to remove. */
  async forgetBuild(ref: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#unary(Control.method.updateBuildHistory, { Ref: ref, Delete: true }, signal);
    } catch (error) {
      if (!isUnimplemented(error)) throw error;
    }
  }

  /** Ends all calls. */
  close(): void {
    this.#connection.close();
  }

  async #unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { readonly input: I; readonly output: O },
    request: MessageInitShape<I>,
    signal: AbortSignal,
  ): Promise<MessageShape<O>> {
    const messages: MessageShape<O>[] = [];
    await this.#stream(method, request, (message) => messages.push(message), signal);
    const [message] = messages;
    if (message === undefined || messages.length > 1) {
      const count = `${String(messages.length)} messages instead of one`;
      throw new CallError({ code: grpcCodes.internal, message: `${method.name}: the daemon answered with ${count}` });
    }
    return message;
  }

  async #stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { readonly input: I; readonly output: O },
    request: MessageInitShape<I>,
    onMessage: (message: MessageShape<O>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#connection.call(
      `/${method.parent.typeName}/${method.name}`,
      toBinary(method.input, create(method.input, request)),
      (message) => onMessage(fromBinary(method.output, message)),
      signal,
    );
  }
}

function isUnimplemented(error: unknown): boolean {
  return error instanceof CallError && error.grpcCode === grpcCodes.unimplemented;
}

function daemonError(action: string, cause: CallError): PluginError {
  return new PluginError({
    code: 'daemon-unavailable',
    exitCode: 5,
    message: `daemon, ${action}: ${cause.message}`,
    cause,
  });
}

function noAnswer(action: string, cause: unknown): PluginError {
  return new PluginError({
    code: 'daemon-silent',
    exitCode: 5,
    message: `daemon, ${action}: no answer within ${String(shortCallLimitMs / 1000)} s`,
    cause,
  });
}
