// A request that failed on its way through a proxy: whose trouble it is cannot be told from the error alone, so the proxy
// is named beside the registry. Codes of the cause decide everything else.

/** A failure with a proxy on the way. */
export class ThroughProxy extends Error {
  /** Without login. */
  readonly proxy: string;

  constructor(proxy: string, cause: unknown) {
    super(`through the proxy ${proxy}`, { cause });
    this.proxy = proxy;
  }

  /** Status with which the proxy refused to open a connection. For display: only a text holds it. */
  get refusedWith(): string | undefined {
    const { cause } = this;
    return cause instanceof Error ? /\b([345]\d\d)\b/.exec(cause.message)?.[1] : undefined;
  }
}

/** Wraps what a request through a proxy threw. */
export function throughProxy(proxy: string, cause: unknown): ThroughProxy {
  // Of a plain request that the proxy wants a login for, undici says that our argument is invalid.
  const isRefusal = cause instanceof Error && 'code' in cause && cause.code === 'UND_ERR_INVALID_ARG';
  return new ThroughProxy(proxy, isRefusal ? refusedByProxy(proxyLoginStatus) : cause);
}

/** Proxy Authentication Required: of nobody else. */
export const proxyLoginStatus = 407;

/** The cause for a refusal of a plain request, like that of a tunnel. */
export function refusedByProxy(status: number): Error {
  return Object.assign(new Error(`the proxy answered ${status}`), { code: 'UND_ERR_ABORTED' });
}
