import { expect, it } from 'vitest';
import { BuildFailure } from '../../../src/build/build-failure.ts';
import { PushStalled } from '../../../src/build/push-watch.ts';
import { whyNotByDaemon } from '../../../src/build/why-not-by-daemon.ts';
import { CallError } from '../../../src/buildkit/grpc-connection.ts';
import { explainSolveFailure, SolveError } from '../../../src/buildkit/solve-error.ts';

function push(reason: string): Error {
  const call = new CallError({ code: 2, message: `failed to push r.example/app: ${reason}` }, { lost: false });
  const error = explainSolveFailure(call, { capabilityFailures: [] });
  return error instanceof SolveError ? new BuildFailure(error, { secrets: new Map() }) : error;
}

it.each([
  ['a name that it does not find', push('failed to do request: Head "https://r.example/v2/": dial tcp: no such host')],
  ['a certificate that it does not trust', push('tls: failed to verify certificate: x509: unknown authority')],
])('somebody else sends the image after %s', (_, error) => {
  expect(whyNotByDaemon(error)).toMatch(/^the daemon cannot reach a registry that this step can reach \(.*\)$/);
});

it('somebody else sends the image when layers stand still, who sees their bytes', () => {
  expect(whyNotByDaemon(new PushStalled('layers', 30_000, undefined))).toContain('nothing has moved for 30 s');
});

it.each([
  ['a refused login', push('failed to authorize: 401 Unauthorized')],
  ['a registry in trouble', push('unexpected status: 503 Service Unavailable')],
  ['a manifest that is not answered', new PushStalled('manifest', 2000, undefined)],
  ['something else', new Error('a bug')],
])('nothing is gained by that after %s', (_, error) => {
  expect(whyNotByDaemon(error)).toBeUndefined();
});
