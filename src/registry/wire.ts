// One HTTP request and its answer: connections, TLS, proxies and time limits. It knows no registry, repeats nothing,
// follows no redirect and adds no login. HTTP/1.1 on purpose: six uploads over six connections beat one shared window.
import type { Readable } from 'node:stream';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { LookupFunction } from 'node:net';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { Neighbourhood } from './neighbourhood.ts';
import type { RequestTarget } from './redirect.ts';
import { StallWatch } from './stall-watch.ts';
import type { TimeLimits } from './time-limits.ts';
import { watchedBody, type WireBody } from './wire-body.ts';

export interface WireRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly target: RequestTarget;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: WireBody;
  /** `TimeLimits.headersMs` by default. */
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
  /** `TimeLimits.stalledDownloadMs`, for the one who reads the body. */
  readonly stalledDownloadMs: number;
}

export interface WireOptions {
  readonly limits: TimeLimits;
  readonly userAgent: string;
  /** PEM, beside the built-in roots. */
  readonly caCertificates: readonly string[];
  /** Whether the certificate of this host may be anybody's. */
  readonly isUnverified: (url: URL) => boolean;
  /** URL of the proxy for a URL; undefined = none. */
  readonly proxyFor: (url: URL) => string | undefined;
}

/** Six uploads, and as many small requests beside them; more would only wait for each other. */
const connectionsPerOrigin = 16;
const minDownloadBytes = 1024;

/** The connections of a run. */
export class Wire {
  readonly #options: WireOptions;
  readonly #dispatchers = new Map<string, Dispatcher>();
  /** Made once: parsing the roots for each connection would cost more than the connection. */
  readonly #secureContext: SecureContext | undefined;

  constructor(options: WireOptions) {
    this.#options = options;
    const { caCertificates } = options;
    this.#secureContext =
      caCertificates.length === 0
        ? undefined
        : createSecureContext({ ca: [...rootCertificates, ...caCertificates], minVersion: 'TLSv1.2' });
  }

  /** Sends a request and waits for the headers of its answer. Rejects with what node or undici throws. */
  async send(request: WireRequest, signal: AbortSignal): Promise<WireResponse> {
    const { method, target, headers = {}, body, neighbourhood, isForeign } = request;
    const url = new URL(target.origin);
    if (isForeign) neighbourhood.checkLiteral(url.hostname);
    const stalled = new AbortController();
    const sending = body === undefined ? undefined : watchedBody(body, this.#options.limits.stalledUploadMs, stalled);
    try {
      const response = await this.#dispatcherFor(url, neighbourhood, isForeign).request({
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
        headersTimeout: request.headersMs ?? this.#options.limits.headersMs,
        signal: AbortSignal.any([signal, stalled.signal]),
      });
      const { statusCode: status, headers: received, body: answer } = response;
      const { stalledDownloadMs } = this.#options.limits;
      return { method, target, status, headers: received, body: answer, stalledDownloadMs };
    } catch (error) {
      signal.throwIfAborted();
      throw stalled.signal.aborted ? stalled.signal.reason : error;
    } finally {
      sending?.stop();
    }
  }

  /** Ends all connections, also those in use. */
  async close(): Promise<void> {
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
    this.#dispatchers.clear();
  }

  #dispatcherFor(url: URL, neighbourhood: Neighbourhood, isForeign: boolean): Dispatcher {
    const key = isForeign ? `${url.origin} for ${neighbourhood.key}` : url.origin;
    const known = this.#dispatchers.get(key);
    if (known !== undefined) return known;
    const made = this.#makeDispatcher(url, isForeign ? neighbourhood.foreign : neighbourhood.own);
    this.#dispatchers.set(key, made);
    return made;
  }

  #makeDispatcher(url: URL, lookup: LookupFunction): Dispatcher {
    const { limits, isUnverified, proxyFor } = this.#options;
    const tls = {
      ...(this.#secureContext === undefined ? {} : { secureContext: this.#secureContext }),
      minVersion: 'TLSv1.2' as const,
      rejectUnauthorized: !isUnverified(url),
    };
    const common = {
      allowH2: false,
      connections: connectionsPerOrigin,
      keepAliveTimeout: limits.keepAliveMs,
      // Bodies are watched by us: the limit is on progress, and for uploads too.
      bodyTimeout: 0,
    };
    const proxy = proxyFor(url);
    if (proxy === undefined)
      return new Pool(url.origin, { ...common, connect: { ...tls, lookup, timeout: limits.connectMs } });
    return new ProxyAgent({ ...common, uri: proxy, requestTls: tls, proxyTunnel: url.protocol === 'https:' });
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
    for await (const chunk of response.body) {
      const bytes = Buffer.from(chunk);
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

/** Throws the rest of an answer away, so that its connection can be used again. */
export async function discard(response: WireResponse, signal: AbortSignal): Promise<void> {
  await readBody(response, 64 * 1024, signal).catch(() => undefined);
}
