// HTTP/1.1 to one Docker Engine: plain requests with a limit on the wait for an answer, and upgrades that turn a
// request into a byte stream. Every request has its own connection: nothing idle is left to close at the end, and an
// engine that was restarted is simply dialled again. Errors pass as node:http gives them; callers word them.
import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { addAbortSignal } from 'node:stream';
import type { EngineAddress } from './address.ts';
import type { EngineTls } from './tls.ts';

const keepAliveDelayMs = 30_000;

export interface EngineRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path and query as on the wire, beginning with a slash. */
  readonly path: string;
  /** Header values; a list is sent as repeated lines. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** How long the answer's headers may take; no limit when absent (the daemon spools an export before it answers). */
  readonly answerLimitMs?: number;
}

/** What an upgrade came to: a byte stream, or the answer that refused it. */
export type UpgradeOutcome =
  | { readonly kind: 'upgraded'; readonly socket: Duplex }
  | { readonly kind: 'refused'; readonly response: IncomingMessage };

/** The engine accepted the connection and then said nothing, or did not even accept it in time. */
export class AnswerLimitError extends Error {
  readonly isConnected: boolean;

  constructor(limitMs: number, isConnected: boolean) {
    super(`no ${isConnected ? 'answer' : 'connection'} within ${String(limitMs / 1000)} s`);
    this.isConnected = isConnected;
  }
}

/** One engine's HTTP side. */
export interface EngineTransport {
  /** Resolves with the answer's headers; its body follows `signal` as well. */
  send(request: EngineRequest, signal: AbortSignal): Promise<IncomingMessage>;
  /** `signal` rules the upgrade only: the stream belongs to the caller afterwards. */
  upgrade(request: EngineRequest, signal: AbortSignal): Promise<UpgradeOutcome>;
}

/** A transport for an address; `tls` counts for tcp addresses with TLS only. */
export function createTransport(address: EngineAddress, tls: EngineTls): EngineTransport {
  const open = (request: EngineRequest): ClientRequest => {
    const options: RequestOptions = {
      method: request.method,
      agent: false,
      headers: { Host: hostHeader(address), ...mutableHeaders(request.headers) },
    };
    if (address.kind === 'unix') {
      return httpRequest({ ...options, socketPath: address.socketPath, path: request.path });
    }
    const target = { ...options, host: address.host, port: address.port, path: address.pathPrefix + request.path };
    if (!address.tls) return httpRequest(target);
    const { ca, cert, key, verify } = tls;
    return httpsRequest({ ...target, ca, cert, key, rejectUnauthorized: verify });
  };

  return {
    async send(request, signal) {
      const response = await answerOf<IncomingMessage>(open(request), request, signal, (client, resolve) => {
        client.on('response', resolve);
      });
      addAbortSignal(signal, response);
      return response;
    },
    async upgrade(request, signal) {
      return answerOf<UpgradeOutcome>(open(request), request, signal, (client, resolve) => {
        client.on('response', (response) => {
          resolve({ kind: 'refused', response });
        });
        client.on('upgrade', (_response, socket, head) => {
          // Bytes that came in one packet with the 101 belong to the stream; losing them hangs the HTTP/2 handshake.
          if (head.length > 0) socket.unshift(head);
          socket.setNoDelay(true);
          socket.setTimeout(0);
          socket.setKeepAlive(true, keepAliveDelayMs);
          // An error between the upgrade and the moment the HTTP/2 side listens must not end the process.
          socket.on('error', () => undefined);
          resolve({ kind: 'upgraded', socket });
        });
      });
    },
  };
}

function answerOf<T>(
  client: ClientRequest,
  request: EngineRequest,
  signal: AbortSignal,
  listen: (client: ClientRequest, resolve: (value: T) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      settle(() => {
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      });
      client.destroy();
    };
    const timer =
      request.answerLimitMs === undefined
        ? undefined
        : setTimeout(giveUp, request.answerLimitMs, request.answerLimitMs);
    function giveUp(limitMs: number): void {
      client.destroy(new AnswerLimitError(limitMs, client.socket?.connecting === false));
    }
    function settle(finish: () => void): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      finish();
    }
    client.on('error', (error) => {
      settle(() => {
        reject(error);
      });
    });
    listen(client, (value) => {
      settle(() => {
        resolve(value);
      });
    });
    if (signal.aborted) abort();
    else {
      signal.addEventListener('abort', abort, { once: true });
      client.end(request.body);
    }
  });
}

function hostHeader(address: EngineAddress): string {
  if (address.kind === 'unix') return 'docker';
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${String(address.port)}`;
}

function mutableHeaders(headers: EngineRequest['headers']): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}
