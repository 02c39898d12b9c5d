// How Amazon's API is reached: through the proxy of the step where there is one, with the authorities that it trusts, and
// with the SDK's own repeats, which know what of AWS may be tried again.
import { Agent } from 'node:https';
import { rootCertificates } from 'node:tls';
import type { ClientRequest } from 'node:http';
import { HttpsProxyAgent } from 'https-proxy-agent';
import type { Log } from '../base/log.ts';
import type { ProxyFor } from '../base/proxy.ts';

export interface AwsTools {
  /** Wall clock. */
  readonly now: () => Date;
  /** Told each secret that AWS gives out. */
  readonly redact: (secret: string) => unknown;
  readonly log: Log;
  /** Ends requests under way. */
  readonly signal: AbortSignal;
  /** PEM, beside the built-in roots. */
  readonly caCertificates: readonly string[];
  /** URL of the proxy for a URL; none by default. */
  readonly proxyFor?: ProxyFor;
}

/** Tries of one call, the first included. */
const attempts = 3;
const connectMs = 10_000;
/** Answers are small: a server that says nothing for this long says nothing. */
const answerMs = 30_000;

/**
 * Settings of an SDK client.
 *
 * @param service as in the host of its API: `api.ecr`, `sts`
 */
export function awsConnection(service: string, region: string, { caCertificates, proxyFor }: AwsTools) {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const proxy = proxyFor?.(new URL(`https://${service}.${region}.${domain}/`));
  const trust: Trust = caCertificates.length === 0 ? {} : { ca: [...rootCertificates, ...caCertificates] };
  const httpsAgent =
    proxy === undefined ? new Agent({ keepAlive: true, ...trust }) : new TrustingProxyAgent(proxy, trust);
  return {
    region,
    maxAttempts: attempts,
    requestHandler: { httpsAgent, connectionTimeout: connectMs, requestTimeout: answerMs },
  };
}

interface Trust {
  /** Built-in roots included. */
  readonly ca?: string[];
}

/** An agent for tunnels forgets the authorities that it is made with: they have to go along with each connection. */
class TrustingProxyAgent extends HttpsProxyAgent<string> {
  readonly #trust: Trust;

  constructor(proxy: string, trust: Trust) {
    super(proxy, { keepAlive: true });
    this.#trust = trust;
  }

  override connect(
    request: ClientRequest,
    options: Parameters<HttpsProxyAgent<string>['connect']>[1],
  ): ReturnType<HttpsProxyAgent<string>['connect']> {
    return super.connect(request, { ...options, ...this.#trust });
  }
}
