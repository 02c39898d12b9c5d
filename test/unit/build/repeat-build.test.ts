import { describe, expect, it } from 'vitest';
import { type Clock, defaultRetryLimits, Retrier } from '../../../src/base/retry.ts';
import { BuildFailure } from '../../../src/build/build-failure.ts';
import { PushStalled } from '../../../src/build/push-watch.ts';
import { isPushFailure, repeatBuild } from '../../../src/build/repeat-build.ts';
import { CallError } from '../../../src/buildkit/grpc-connection.ts';
import { EngineApiError } from '../../../src/engine/docker-api.ts';
import { explainSolveFailure, SolveError } from '../../../src/buildkit/solve-error.ts';

const { signal } = new AbortController();

function failure(message: string, lost = false): Error {
  const error = explainSolveFailure(new CallError({ code: 2, message }, { lost }), { capabilityFailures: [] });
  return error instanceof SolveError ? new BuildFailure(error, { secrets: new Map() }) : error;
}

const push = (reason: string): Error => failure(`failed to push r.example/app: ${reason}`);
const transient = push('unexpected status: 503 Service Unavailable');
const refused = push('unexpected status: 403 Forbidden');
const lost = failure('the connection ended', true);
const sessionLost = failure('no active session for x: context deadline exceeded');
const pruned = failure(
  'failed to copy: httpReadSeeker: failed open: could not fetch content descriptor sha256:5e (application/vnd.oci.image.layer.v1.tar) from remote: not found',
);
const stalled = new PushStalled('manifest', 2000, undefined);

/** Runs a build that fails with these, one after the other, and then succeeds. */
async function build(failures: readonly Error[], retries = 5, better: readonly Error[] = []) {
  const waits: number[] = [];
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  const clock: Clock = {
    nowMs: () => 0,
    sleep: async (milliseconds) => void waits.push(milliseconds),
    random: () => 1,
  };
  const limits = { ...defaultRetryLimits, attempts: retries + 1 };
  const retrier = new Retrier(limits, clock, { info: note, warn: note, debug: note });
  const isFinal = (error: unknown): boolean => better.some((known) => known === error);
  let tries = 0;
  const attempt = async (): Promise<string> => {
    tries += 1;
    const error = failures[tries - 1];
    if (error !== undefined) throw error;
    return 'built';
  };
  const ended = await repeatBuild(attempt, { retrier, isFinal }, signal).catch((error: unknown) => error);
  return { ended, tries, waits, lines };
}

describe('a build', () => {
  it('is repeated three times for a push that may pass, each with a line of the reason', async () => {
    const { ended, waits, lines } = await build([transient, stalled, transient]);
    expect(ended).toBe('built');
    expect(waits).toEqual([2000, 4000, 8000]);
    expect(lines[0]).toMatch(
      /^build: push of r\.example\/app by the daemon failed: .* 503 .*; repeat 1 of 3 in 2\.0 s$/,
    );
    const given = await build([transient, transient, transient, transient]);
    expect(given).toMatchObject({ ended: transient, tries: 4 });
    const stalls = [1, 2, 3, 4, 5].map((minutes) => new PushStalled('layers', minutes * 60_000, undefined));
    expect(await build(stalls)).toMatchObject({ ended: stalls[3], tries: 4 });
  });

  it.each([
    ['connection', lost],
    ['session', sessionLost],
    ['cache', pruned],
    [
      'daemon, before it had heard of the build,',
      new EngineApiError({ call: 'POST /session', said: 'connection lost' }),
    ],
  ])('is repeated once when the %s was lost', async (_, error) => {
    expect(await build([error])).toMatchObject({ ended: 'built', tries: 2 });
    expect(await build([error, error])).toMatchObject({ ended: error, tries: 2 });
    expect(await build([transient, error, transient])).toMatchObject({ ended: 'built', tries: 4 });
  });

  it.each([
    ['a step failed', failure('process "make" did not complete successfully: exit code: 3')],
    ['a push was refused', refused],
    ['a push failed for reasons that nobody knows', push('the moon is full')],
    ['the daemon refused it', new EngineApiError({ call: 'POST /session', status: 404, said: 'no such page' })],
    ['something else went wrong', new Error('a bug')],
  ])('is not repeated when %s', async (_, error) => {
    expect(await build([error])).toMatchObject({ ended: error, tries: 1 });
  });

  it('is not repeated when somebody knows something better, or wants no repeats', async () => {
    expect(await build([transient], 5, [transient])).toMatchObject({ ended: transient, tries: 1 });
    expect(await build([transient], 0)).toMatchObject({ ended: transient, tries: 1 });
  });
});

it('only a build that could not push is done but for that', () => {
  expect([transient, refused, stalled].map(isPushFailure)).toEqual([true, true, true]);
  expect([lost, sessionLost, pruned, new Error('a bug')].map(isPushFailure)).toEqual([false, false, false, false]);
});
