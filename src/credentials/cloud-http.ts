// HTTP to the places where clouds hand out logins: small questions, small answers, three tries, no redirect. Connections go
// by the same rules as those to registries: the proxies of the step, its own certificates, TLS 1.2 and later. Tokens in an
// answer are registered for masking before anybody sees them.
import { rootCertificates } from 'node:tls';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { HostTrust } from '../base/certificates.ts';
import type { Log } from '../base/log.ts';
import { type ProxyFor, shownProxy } from '../base/proxy.ts';
import { type Clock, defaultRetryLimits, Retrier, systemClock } from '../base/retry.ts';
import { hopeOf, isTransientStatus, networkCodeOf, readRetryAfter } from '../base/transient.ts';

/** A question. */
export interface CloudCall {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What came back, read to its end. */
export interface CloudAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface CloudHttpOptions {
  /** PEM, beside the built-in roots, for every host. */
  readonly caCertificates: readonly string[];
  /** What else is known about `host[:port]`; nothing by default. May throw PluginError. */
  readonly trustOf?: (host: string) => HostTrust;
  /** `host[:port]` whose certificate may be anybody's. */
  readonly unverifiedHosts: ReadonlySet<string>;
  /** None by default. */
  readonly proxyFor?: ProxyFor;
  readonly userAgent: string;
  readonly log: Log;
  /** Told each token on arrival. */
  readonly redact: (secret: string) => unknown;
  /** The system's by default. */
  readonly clock?: Clock;
}

/** Nothing came back, after all tries. */
export class CloudUnreachable extends Error {
  constructor(host: string, cause: unknown, proxy?: string) {
    super(
      `${host} cannot be reached${proxy === undefined ? '' : ` through ${shownProxy(proxy)}`} (${describe(cause)})`,
      {
        cause,
      },
    );
  }
}

/** Internal to a task: an answer that another try may better. */
class Unavailable extends Error {
  readonly answer: CloudAnswer;

  constructor(answer: CloudAnswer) {
    super(`answered ${answer.status}`);
    this.answer = answer;
  }
}

const limits = {
  ...defaultRetryLimits,
  attempts: 3,
  maxDelayMs: 4_000,
  // A login service that wants more than this has an outage: the step says so instead of waiting.
  maxRetryAfterMs: 30_000,
};
const connectMs = 10_000;
/** These services answer within a second; thirty are their own clients' limit too. */
const answerMs = 30_000;
const maxBodyBytes = 256 * 1024;

/** The connections to clouds of one run; close it at the end. */
export class CloudHttp {
  readonly #options: CloudHttpOptions;
  readonly #retrier: Retrier;
  readonly #dispatchers = new Map<string, Dispatcher>();
  readonly #unverified: ReadonlySet<string>;

  constructor(options: CloudHttpOptions) {
    this.#options = options;
    this.#retrier = new Retrier(limits, options.clock ?? systemClock, options.log);
    this.#unverified = new Set([...options.unverifiedHosts].map((host) => new URL(`https://${host}`).host));
  }

  /** Any status is an answer; 5xx and the like only after three tries. Throws CloudUnreachable, or the signal's reason. */
  async send(call: CloudCall, signal: AbortSignal): Promise<CloudAnswer> {
    const url = new URL(call.url);
    try {
      return await this.#retrier.run(
        {
          origin: url.origin,
          what: `${call.method} ${url.origin}${url.pathname}`,
          attempt: async () => {
            const answer = await this.#exchange(url, call, signal);
            if (isTransientStatus(answer.status)) throw new Unavailable(answer);
            return answer;
          },
          judge,
          giveUp: (error) =>
            error instanceof Unavailable ? error : new CloudUnreachable(url.host, error, this.#proxyFor(url)),
        },
        signal,
      );
    } catch (error) {
      if (error instanceof Unavailable) return error.answer;
      throw error;
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
    this.#dispatchers.clear();
  }

  async #exchange(url: URL, call: CloudCall, signal: AbortSignal): Promise<CloudAnswer> {
    const { statusCode, headers, body } = await this.#dispatcherFor(url).request({
      origin: url.origin,
      method: call.method,
      path: `${url.pathname}${url.search}`,
      headers: { accept: 'application/json', ...call.headers, 'user-agent': this.#options.userAgent },
      body: call.body ?? null,
      signal,
    });
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    for await (const chunk of body) {
      const bytes = Buffer.from(chunk);
      sizeBytes += bytes.length;
      chunks.push(bytes);
      if (sizeBytes > maxBodyBytes) break;
    }
    const text = Buffer.concat(chunks).toString('utf8');
    for (const token of tokensIn(text)) this.#options.redact(token);
    const single = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value ?? '')]);
    return { status: statusCode, headers: Object.fromEntries(single), text };
  }

  #dispatcherFor(url: URL): Dispatcher {
    const known = this.#dispatchers.get(url.origin);
    if (known !== undefined) return known;
    const made = this.#makeDispatcher(url);
    this.#dispatchers.set(url.origin, made);
    return made;
  }

  #makeDispatcher(url: URL): Dispatcher {
    const trust = this.#options.trustOf?.(url.host) ?? { authorities: [] };
    const tls = { ...this.#tls(trust), rejectUnauthorized: !this.#unverified.has(url.host) };
    const common = { allowH2: false, connections: 2, headersTimeout: answerMs, bodyTimeout: answerMs };
    const proxy = this.#proxyFor(url);
    if (proxy === undefined) return new Pool(url.origin, { ...common, connect: { ...tls, timeout: connectMs } });
    const proxyTls = this.#tls({ authorities: [] });
    return new ProxyAgent({ ...common, uri: proxy, requestTls: tls, proxyTls, proxyTunnel: url.protocol === 'https:' });
  }

  #tls({ authorities, clientPair }: HostTrust) {
    const own = [...this.#options.caCertificates, ...authorities];
    return {
      minVersion: 'TLSv1.2' as const,
      ...(own.length === 0 ? {} : { ca: [...rootCertificates, ...own] }),
      ...clientPair,
    };
  }

  #proxyFor(url: URL): string | undefined {
    return this.#options.proxyFor?.(url);
  }
}

function judge(error: unknown) {
  if (error instanceof Unavailable) {
    const { status, headers } = error.answer;
    const retryAfterMs = readRetryAfter(headers['retry-after'], new Date());
    return { kind: 'retry', cause: `${status}`, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } as const;
  }
  const hope = hopeOf(error);
  if (hope === 'none') return { kind: 'final' } as const;
  return { kind: 'retry', cause: describe(error), ...(hope === 'one-more-try' ? { attempts: 2 } : {}) } as const;
}

function describe(error: unknown): string {
  const code = networkCodeOf(error);
  // That of a proxy that opens no tunnel: only its text says the status.
  if (code !== undefined && code !== 'UND_ERR_ABORTED') return code;
  return error instanceof Error ? error.message : String(error);
}

/** The fields of an answer that hold tokens: OAuth2 spells them with an underscore, Google's own APIs without. */
const tokenField = /"(?:access_?token|refresh_?token|id_?token|token)"\s*:\s*"((?:[^"\\]|\\.)+)"/gi;

function tokensIn(text: string): readonly string[] {
  return [...text.matchAll(tokenField)].map((match) => match[1] ?? '');
}
