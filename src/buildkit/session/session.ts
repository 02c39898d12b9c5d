// The connection on which the daemon calls us during a build: for files, logins, secrets. We are the HTTP/2 server on a
// byte stream that we dialled ourselves. The daemon only calls methods that were announced in the dial's headers.
// moby/buildkit session/
import {
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import { PluginError } from '../../base/plugin-error.ts';
import type { Dial } from '../dial.ts';
import { grpcCodes } from '../grpc.ts';
import { connectionWindowBytes, serverLimits } from '../http2-limits.ts';
import { RpcError, type MethodHandler, type SessionCapability } from './capability.ts';
import { IncomingCall } from './server-call.ts';

/** Handlers see their calls abort when the session closes; one that does not react must not keep the run. */
const handlersLimitMs = 1_000;

const unknownMethod: MethodHandler = (call) =>
  Promise.reject(new RpcError(grpcCodes.unimplemented, `method ${call.method} is not served by this session`));

export interface SessionOptions {
  readonly dial: Dial;
  /** Random; the solve request names it. No `:`. */
  readonly id: string;
  /** Stable per project: the daemon keeps the last copy of each local folder under it. */
  readonly sharedKey: string;
  readonly capabilities: readonly SessionCapability[];
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A session that the daemon knows from the moment it is open. */
export class Session {
  readonly id: string;
  readonly #log: Log;
  readonly #socket: Duplex;
  readonly #session: ServerHttp2Session;
  readonly #handlers: ReadonlyMap<string, MethodHandler>;
  readonly #running = new Set<Promise<void>>();
  readonly #failures: PluginError[] = [];
  #closing = false;
  #loss: string | undefined;

  private constructor(options: SessionOptions, socket: Duplex, handlers: ReadonlyMap<string, MethodHandler>) {
    this.id = options.id;
    this.#log = options.log;
    this.#socket = socket;
    this.#handlers = handlers;
    this.#session = performServerHandshake(socket, serverLimits);
    this.#session.setLocalWindowSize(connectionWindowBytes);
    this.#session.on('stream', (stream: ServerHttp2Stream, _: IncomingHttpHeaders, __: number, raw?: string[]) => {
      this.#serve(stream, raw ?? []);
    });
    this.#session.on('error', (error: Error) => this.#lose(error.message));
    this.#session.on('close', () => this.#lose('the daemon closed it'));
    socket.on('error', (error) => this.#lose(error.message));
    socket.on('close', () => this.#lose('the daemon closed it'));
  }

  /** Dials `/session` and serves the capabilities. Rejects as the dial does. */
  static async open(options: SessionOptions): Promise<Session> {
    const handlers = mergeCapabilities(options.capabilities);
    const headers: (readonly [string, string])[] = [
      ['X-Docker-Expose-Session-Uuid', options.id],
      ['X-Docker-Expose-Session-Name', 'docker-build'],
      ['X-Docker-Expose-Session-Sharedkey', options.sharedKey],
      ...[...handlers.keys()].map((method) => ['X-Docker-Expose-Session-Grpc-Method', method] as const),
    ];
    return new Session(options, await options.dial('/session', headers, options.signal), handlers);
  }

  /** Why the session ended before `close` was called; undefined while it lives. The build goes on without it at first. */
  get loss(): string | undefined {
    return this.#loss;
  }

  /** What handlers failed with in words for people; the daemon only passes the text on. Oldest first. */
  get failures(): readonly PluginError[] {
    return this.#failures;
  }

  /** Ends all calls and waits for their handlers, briefly. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#session.destroy();
    this.#socket.destroy();
    const timer = new AbortController();
    await Promise.race([
      Promise.all(this.#running),
      delay(handlersLimitMs, undefined, { signal: timer.signal }).catch(() => undefined),
    ]);
    timer.abort();
  }

  #serve(stream: ServerHttp2Stream, rawHeaders: readonly string[]): void {
    const call = new IncomingCall(stream, rawHeaders);
    const handler = this.#handlers.get(call.method) ?? unknownMethod;
    const run = call.answerWith(handler).then((failure) => {
      this.#running.delete(run);
      if (failure === undefined || call.signal.aborted) return;
      if (failure instanceof PluginError) this.#failures.push(failure);
      else this.#log.debug(`session: ${call.method} failed: ${failure.message}`);
    });
    this.#running.add(run);
  }

  #lose(reason: string): void {
    if (this.#closing) return;
    this.#loss ??= reason;
    this.#session.destroy();
    this.#socket.destroy();
  }
}

function mergeCapabilities(capabilities: readonly SessionCapability[]): ReadonlyMap<string, MethodHandler> {
  const handlers = new Map<string, MethodHandler>();
  for (const { methods } of capabilities) {
    for (const [method, handler] of methods) {
      if (handlers.has(method)) throw new Error(`two capabilities serve ${method}`);
      handlers.set(method, handler);
    }
  }
  return handlers;
}
