import { describe, expect, it } from 'vitest';
import {
  hopeOf,
  isBrokenConnection,
  isTransientStatus,
  networkCodeOf,
  readRetryAfter,
} from '../../../src/base/transient.ts';

function coded(code: string, cause?: unknown): Error {
  return Object.assign(new Error(code), { code }, cause === undefined ? {} : { cause });
}

describe('a status', () => {
  it.each([408, 425, 429, 499, 500, 502, 503, 504, 520, 522, 524, 598])('%i may pass', (status) => {
    expect(isTransientStatus(status)).toBe(true);
  });
  it.each([200, 301, 400, 401, 403, 404, 405, 409, 413, 416, 422, 501, 505, 507, 508])('%i stays', (status) => {
    expect(isTransientStatus(status)).toBe(false);
  });
});

describe('a network error', () => {
  it.each([
    [coded('ECONNRESET'), 'retry'],
    [coded('UND_ERR_SOCKET'), 'retry'],
    [coded('UND_ERR_HEADERS_TIMEOUT'), 'retry'],
    [coded('EAI_AGAIN'), 'retry'],
    [coded('ECONNREFUSED'), 'one-more-try'],
    [coded('ENOTFOUND'), 'one-more-try'],
    [coded('CERT_HAS_EXPIRED'), 'none'],
    [coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'none'],
    [new Error('something else'), 'none'],
    ['no error', 'none'],
    [new TypeError('fetch failed', { cause: coded('ECONNRESET') }), 'retry'],
    [new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')]), 'one-more-try'],
    [coded('UND_ERR_CONNECT_TIMEOUT', coded('CERT_HAS_EXPIRED')), 'none'],
  ])('%s gives hope: %s', (error, hope) => {
    expect(hopeOf(error)).toBe(hope);
  });

  it('is known by its innermost code', () => {
    expect(networkCodeOf(coded('UND_ERR', coded('EPIPE')))).toBe('EPIPE');
    expect(isBrokenConnection(coded('UND_ERR', coded('EPIPE')))).toBe(true);
    expect(isBrokenConnection(coded('ETIMEDOUT'))).toBe(false);
  });
});

describe('Retry-After', () => {
  const now = new Date('2026-11-21T12:00:00Z');
  it.each([
    ['0', 0],
    ['37', 37_000],
    [' 1.5 ', 1500],
    ['Sat, 21 Nov 2026 12:01:00 GMT', 60_000],
    ['Saturday, 21-Nov-26 12:01:00 GMT', 60_000],
    ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
    ['-5', undefined],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
    ['2026', 2_026_000],
  ])('%j is %s ms', (value, expected) => {
    expect(readRetryAfter(value, now)).toBe(expected);
  });
});
