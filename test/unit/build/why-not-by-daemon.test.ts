import { expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { BuildFailure } from '../../../src/build/build-failure.ts';
import { PushStalled } from '../../../src/build/push-watch.ts';
import { isNothingForDaemon, whyNotByDaemon, wordSendingHere } from '../../../src/build/why-not-by-daemon.ts';
import { CallError } from '../../../src/buildkit/grpc-connection.ts';
import { explainSolveFailure, SolveError } from '../../../src/buildkit/solve-error.ts';

function push(reason: string): Error {
  const call = new CallError({ code: 2, message: `failed to push r.example/app: ${reason}` }, { lost: false });
  const error = explainSolveFailure(call, { capabilityFailures: [] });
  return error instanceof SolveError ? new BuildFailure(error, { secrets: new Map() }) : error;
}

const unknownName = push('failed to do request: Head "https://r.example/v2/": dial tcp: no such host');
const connectionRefused = push('failed to do request: Head "https://r.example/v2/": dial tcp: connection refused');
const certificate = push('tls: failed to verify certificate: x509: unknown authority');
const layersStalled = new PushStalled('layers', 30_000, undefined);
const rejected = push('unexpected status from PUT request to https://r.example/v2/app/manifests/x: 400 Bad Request');
const trouble = push('unexpected status: 503 Service Unavailable');

it.each([
  ['a name that the daemon does not find', unknownName],
  ['a connection that the daemon does not get', connectionRefused],
  ['a certificate that the daemon does not trust', certificate],
  ['layers that stand still', layersStalled],
  ['an answer that will not change', rejected],
])('somebody else sends the image at once after %s', (_, error) => {
  expect(whyNotByDaemon(error)).toBeDefined();
  expect(isNothingForDaemon(error)).toBe(true);
});

it('the daemon gets another chance while a registry is in trouble, before somebody else sends the image', () => {
  expect(isNothingForDaemon(trouble)).toBe(false);
  expect(whyNotByDaemon(trouble)).toContain('503');
});

it('says what the matter is', () => {
  expect(whyNotByDaemon(certificate)).toMatch(/^the daemon cannot reach a registry that this step can reach \(.*\)$/);
  expect(whyNotByDaemon(layersStalled)).toContain('nothing has moved for 30 s');
  expect(whyNotByDaemon(rejected)).toMatch(/^push of r\.example\/app by the daemon failed: .* 400 Bad Request$/);
});

it.each([
  ['a refused login', push('failed to authorize: 401 Unauthorized')],
  ['a refused right', push('unexpected status: 403 Forbidden')],
  ['a manifest that is not answered', new PushStalled('manifest', 2000, undefined)],
  ['something else', new Error('a bug')],
])('nothing is gained by that after %s', (_, error) => {
  expect(whyNotByDaemon(error)).toBeUndefined();
  expect(isNothingForDaemon(error)).toBe(false);
});

it('tells why room was needed here when there is none, and leaves other failures as they are', () => {
  const full = new PluginError({
    code: 'temporary-folder',
    exitCode: 4,
    message: 'no room in /tmp',
    hint: 'set TMPDIR',
  });
  expect(wordSendingHere(full, layersStalled.message)).toMatchObject({
    code: 'temporary-folder',
    exitCode: 4,
    message: expect.stringMatching(/nothing has moved for 30 s .*; this plugin cannot upload .*: no room in \/tmp$/),
    hint: 'set TMPDIR; `push_via: daemon` needs no room here',
  });
  expect(wordSendingHere(trouble, layersStalled.message)).toBe(trouble);
});
