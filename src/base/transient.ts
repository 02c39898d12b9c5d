// Which failures of a network request may pass by themselves. Node's and undici's error codes and HTTP statuses are
// looked at, never message texts. Status meanings: RFC 9110; 499 and 52x are what common proxies answer.

/** Statuses that a later attempt may not see again. 501, 505, 507 and 508 are answers, not accidents. */
const transientStatuses: ReadonlySet<number> = new Set([
  408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524, 598,
]);

/** Accidents of a connection. */
const transientCodes: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'HPE_INVALID_EOF_STATE',
]);

/** What undici's parser throws for answers that are no HTTP at all has a name only. */
export const noHttpCode = 'HPE_INVALID';

/** Mostly a typing error in a name or a port; worth a second look only. */
const doubtfulCodes: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', noHttpCode]);

/** The connection ended under a request. On one that had been idle this says nothing about the server. */
const brokenConnectionCodes: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** How much a repeat may help. */
export type Hope = 'none' | 'one-more-try' | 'retry';

/** Whether a status is worth a repeat. */
export function isTransientStatus(status: number): boolean {
  return transientStatuses.has(status);
}

/** Whether a thrown network error is worth a repeat. */
export function hopeOf(error: unknown): Hope {
  const code = networkCodeOf(error);
  if (code === undefined) return 'none';
  if (doubtfulCodes.has(code)) return 'one-more-try';
  return transientCodes.has(code) ? 'retry' : 'none';
}

/** Whether a connection broke, as opposed to one that could not be made or that said nothing. */
export function isBrokenConnection(error: unknown): boolean {
  return brokenConnectionCodes.has(networkCodeOf(error) ?? '');
}

/** The error code nearest to the wire: the innermost cause that has one. An AggregateError speaks by its first error. */
export function networkCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  const unnamed = error.name === 'HTTPParserError' ? noHttpCode : undefined;
  const own = 'code' in error && typeof error.code === 'string' ? error.code : unnamed;
  return networkCodeOf(inner) ?? own;
}

/**
 * Reads a Retry-After header: seconds or a date.
 *
 * @param now wall clock
 * @returns milliseconds from now, 0 for a date in the past; undefined for anything else
 */
export function readRetryAfter(value: string | undefined, now: Date): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const date = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}
