// One HTTP request and its answer, with time limits. It knows no registry, repeats nothing, follows no redirect and adds no
// login. What it is sent over is in connections.ts.
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { PluginError } from '../base/plugin-error.ts';
import { Connections, type ConnectionOptions } from './connections.ts';
import { proxyLoginStatus, refusedByProxy, throughProxy } from './through-proxy.ts';
import type { Neighbourhood } from './neighbourhood.ts';
import type { RequestTarget } from './redirect.ts';
import { StallWatch } from './stall-watch.ts';
import { watchedBody, type WireBody } from './wire-body.ts';

export interface WireRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly target: RequestTarget;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: WireBody;
  /** From the last byte of the request on; `TimeLimits.headersMs` by default. */
  readonly headersMs?: number;
  /** The registry on whose behalf, and whether the target is that registry itself or a host that it named. */
  readonly neighbourhood: Neighbourhood;
  readonly isForeign: boolean;
}

export interface WireResponse {
  readonly method: string;
  /** What was asked. */
  readonly target: RequestTarget;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Must be read to its end or destroyed. */
  readonly body: Readable;
  /** Of a 403 with a login: who may not do what. */
  readonly rights?: string;
  /** `TimeLimits.stalledDownloadMs`, for the one who reads the body. */
  readonly stalledDownloadMs: number;
}

export interface WireOptions extends ConnectionOptions {
  readonly userAgent: string;
}

/** A download brings at least this much in `stalledDownloadMs`. */
export const minDownloadBytes = 1024;

/** Sends the requests of a run. */
export class Wire {
  readonly #options: WireOptions;
  readonly #connections: Connections;

  constructor(options: WireOptions) {
    this.#options = options;
    this.#connections = new Connections(options);
  }

  /** Sends a request and waits for the headers of its answer. Rejects with what node or undici throws. */
  async send(request: WireRequest, signal: AbortSignal): Promise<WireResponse> {
    const { method, target, headers = {}, body, neighbourhood, isForeign } = request;
    const url = new URL(target.origin);
    if (isForeign) neighbourhood.checkLiteral(url.hostname);
    const stalled = new AbortController();
    const { dispatcher, proxy } = this.#connections.wayTo(url, neighbourhood, isForeign);
    const { stalledUploadMs: stalledMs, headersMs: usualMs } = this.#options.limits;
    const headersMs = request.headersMs ?? usualMs;
    const sending = body === undefined ? undefined : watchedBody(body, { stalledMs, headersMs }, stalled);
    try {
      const response = await dispatcher.request({
        origin: target.origin,
        method,
        path: target.path,
        headers: {
          ...headers,
          'user-agent': this.#options.userAgent,
          'accept-encoding': 'identity',
          ...(body === undefined ? {} : { 'content-length': String(body.sizeBytes) }),
          ...(body === undefined && (method === 'POST' || method === 'PUT') ? { 'content-length': '0' } : {}),
        },
        body: sending?.stream ?? null,
        // undici asks servers to hang up after HEAD, in case one sends a body: a handshake for each would cost more.
        reset: false,
        // undici counts from before the body, and not at all where the body's source is slow.
        headersTimeout: sending === undefined ? headersMs : 0,
        signal: AbortSignal.any([signal, stalled.signal]),
      });
      const { statusCode: status, headers: received, body: answer } = response;
      const { stalledDownloadMs } = this.#options.limits;
      if (proxy !== undefined && status === proxyLoginStatus) {
        answer.on('error', () => undefined).destroy();
        throw refusedByProxy(status);
      }
      return { method, target, status, headers: received, body: answer, stalledDownloadMs };
    } catch (error) {
      signal.throwIfAborted();
      const cause: unknown = stalled.signal.aborted ? stalled.signal.reason : error;
      // What the body's source threw is none of the proxy's doing.
      const isOurs = cause instanceof PluginError || (cause !== undefined && cause === sending?.failure());
      throw proxy === undefined || isOurs ? cause : throughProxy(proxy, cause);
    } finally {
      sending?.stop();
    }
  }

  /** Ends all connections, also those in use. */
  async close(): Promise<void> {
    await this.#connections.close();
  }
}

/** The values of a header, one for each time it was sent. */
export function headersOf(response: WireResponse, name: string): readonly string[] {
  const value = response.headers[name];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** The first value of a header. */
export function headerOf(response: WireResponse, name: string): string | undefined {
  return headersOf(response, name)[0];
}

/** Reads a body up to a limit; what is beyond is not read, and the connection is given up. */
export async function readBody(response: WireResponse, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const watch = new StallWatch(response.stalledDownloadMs, minDownloadBytes, (error) => response.body.destroy(error));
  try {
    for await (const chunk of plainBody(response)) {
      const bytes = chunk instanceof Uint8Array ? Buffer.from(chunk) : Buffer.from(String(chunk));
      watch.moved(bytes.length);
      chunks.push(bytes);
      sizeBytes += bytes.length;
      if (sizeBytes >= maxBytes) break;
    }
  } finally {
    watch.stop();
    // The request's own signal ends its body: the reason is what counts then, not how the stream broke.
    signal.throwIfAborted();
  }
  return Buffer.concat(chunks);
}

/** A packed answer that cannot be unpacked: mostly it ended early. The code makes it a broken connection for the retry policy. */
class Garbled extends Error {
  readonly code = 'UND_ERR_SOCKET';
}

/** Not packed is what was asked for; some proxies pack all the same. */
async function* plainBody(response: WireResponse): AsyncGenerator {
  const { method, body } = response;
  const encoding = headerOf(response, 'content-encoding')?.trim().toLowerCase() ?? '';
  if (method === 'HEAD' || !/^(?:x-)?gzip$/.test(encoding)) return yield* body;
  const plain = createGunzip();
  body.on('error', (error) => plain.destroy(error));
  try {
    yield* body.pipe(plain);
  } catch (error) {
    const isPacking = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
    throw isPacking ? new Garbled(`a packed answer is damaged: ${error.message}`) : error;
  } finally {
    body.destroy();
  }
}

/** Throws the rest of an answer away, so that its connection can be used again. */
export async function discard(response: WireResponse, signal: AbortSignal): Promise<void> {
  await readBody(response, 64 * 1024, signal).catch(() => undefined);
}
