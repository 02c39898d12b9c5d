import { describe, expect, it } from 'vitest';
import { parseDockerHost } from '../../../src/engine/address.ts';
import { AnswerLimitError } from '../../../src/engine/transport.ts';
import { describeUnreachable, isNotThereYet } from '../../../src/engine/unreachable.ts';

const failure = (code: string, message = code, more: object = {}): Error =>
  Object.assign(new Error(message), { code, ...more });
const plain = parseDockerHost('tcp://docker:2375', false);
const tls = parseDockerHost('tcp://docker:2376', true);

describe('a daemon that cannot be reached over TCP', () => {
  it.each([
    ['refuses', plain, failure('ECONNREFUSED'), 'no daemon: tcp://docker:2375 (connection refused)'],
    ['has an unknown name', plain, failure('ENOTFOUND'), 'no daemon: tcp://docker:2375 (unknown host)'],
    [
      'does not accept',
      plain,
      new AnswerLimitError(30_000, false),
      'no daemon: tcp://docker:2375 (no connection within 30 s)',
    ],
    ['is off the map', tls, failure('ENETUNREACH'), 'no daemon: tcp://docker:2376 (ENETUNREACH)'],
    [
      'accepts and is silent',
      plain,
      new AnswerLimitError(30_000, true),
      'the daemon at tcp://docker:2375 accepted the connection and gave no answer within 30 s',
    ],
    [
      'has a certificate that is not trusted',
      tls,
      failure('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain'),
      'TLS with the daemon at tcp://docker:2376 failed: self-signed certificate in certificate chain',
    ],
    [
      'has a certificate for another name',
      tls,
      failure('ERR_TLS_CERT_ALTNAME_INVALID', 'Host: docker. is not in the cert'),
      'TLS with the daemon at tcp://docker:2376 failed: Host: docker. is not in the cert',
    ],
    [
      'speaks no TLS',
      tls,
      failure('EPROTO', 'write EPROTO 80:error:0A00010B\n', { reason: 'wrong version number' }),
      'TLS with the daemon at tcp://docker:2376 failed: wrong version number',
    ],
    ['speaks no HTTP', plain, failure('HPE_INVALID_CONSTANT'), 'tcp://docker:2375 answers, but not in HTTP'],
  ])('and %s is described so', async (_, address, error, message) => {
    expect(await describeUnreachable([{ address, error }], 0)).toMatchObject({ exitCode: 5, message });
  });

  it.each([
    ['ECONNREFUSED', true],
    ['ECONNRESET', true],
    ['EAI_AGAIN', true],
    ['EACCES', false],
    ['CERT_HAS_EXPIRED', false],
    ['HPE_INVALID_CONSTANT', false],
  ])('with %s is waited for: %s', async (code, expected) => {
    expect(await isNotThereYet(plain, failure(code))).toBe(expected);
  });

  it('is described by the last of several addresses of one name', async () => {
    const error = new AggregateError([failure('ENETUNREACH'), failure('ECONNREFUSED')]);
    expect((await describeUnreachable([{ address: plain, error }], 3)).message).toBe(
      'no daemon after 3 s: tcp://docker:2375 (connection refused)',
    );
  });
});
