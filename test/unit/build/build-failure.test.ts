import { describe, expect, it } from 'vitest';
import { BuildFailure } from '../../../src/build/build-failure.ts';
import { CallError } from '../../../src/buildkit/grpc-connection.ts';
import { explainSolveFailure, SolveError } from '../../../src/buildkit/solve-error.ts';

function failure(message: string, given = { secrets: new Map<string, Uint8Array>() }): BuildFailure {
  const error = explainSolveFailure(new CallError({ code: 2, message }, { lost: false }), {
    capabilityFailures: [],
    failedVertex: { digest: 'sha256:5e', name: '[2/2] RUN make' },
  });
  expect(error).toBeInstanceOf(SolveError);
  if (!(error instanceof SolveError)) throw error;
  return new BuildFailure(error, given);
}

describe('a failed build', () => {
  it('keeps code, message and step of what BuildKit said', () => {
    const failed = failure('process "/bin/sh -c make" did not complete successfully: exit code: 3');
    expect(failed).toMatchObject({ exitCode: 1, code: 'build-failed', vertexDigest: 'sha256:5e' });
    expect(failed.message).toContain('exit code 3');
    expect(failed.hint).toBeUndefined();
  });

  it('names the setting for a missing secret, and the secrets that the step does give', () => {
    expect(failure('secret nope: not found').hint).toContain('secrets_from_env');
    const given = { secrets: new Map([['npm', new Uint8Array()]]) };
    expect(failure('secret nope: not found', given).hint).toContain('the step gives the secrets npm;');
  });

  it('speaks of logins when a registry refused the daemon, and of reach when it did not get there', () => {
    const push = 'failed to push r.example/app: ';
    expect(failure(`${push}unexpected status: 401 Unauthorized`).hint).toContain('login that may push');
    const away = failure(`${push}failed to do request: dial tcp 192.0.2.1:443: connect: connection refused`);
    expect(away.hint).toContain('must reach the registry');
  });
});
