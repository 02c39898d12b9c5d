import { describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { defaultRetryLimits, Retrier } from '../../../src/base/retry.ts';
import { BrokeOff, operate, StartOver } from '../../../src/registry/operation.ts';

const { signal } = new AbortController();
const ignore = (): void => undefined;

/** Runs an operation that fails by the list and is done then. @returns tries and waits */
async function run(
  failures: readonly Error[],
  hasAnswered: boolean,
): Promise<{ readonly tries: number; readonly waits: number }> {
  let waits = 0;
  const clock = { nowMs: () => 0, sleep: async () => void (waits += 1), random: () => 0.5 };
  const retrier = new Retrier(defaultRetryLimits, clock, { info: ignore, warn: ignore, debug: ignore });
  const party = { host: 'r.io', side: 'target' } as const;
  const tries = await operate(
    { retrier, origin: 'r.io', hasAnswered: () => hasAnswered },
    { kind: 'read', what: 'look', repository: 'r.io/a', party },
    async (number) => {
      const failure = failures[number - 1];
      if (failure !== undefined) throw failure;
      return number;
    },
    signal,
  );
  return { tries, waits };
}

const failureOf = (code: string): Error => Object.assign(new Error(code), { code });
const times = (count: number, failure: Error): readonly Error[] => Array.from({ length: count }, () => failure);
const outcome = new PluginError({ code: 'lost', exitCode: 4, message: 'lost' });
const lost = (cause: string): StartOver => new StartOver(cause, 2, outcome);

describe('an operation', () => {
  it.each(['ECONNREFUSED', 'ENOTFOUND'])(
    'is given up soon at a host that nobody has heard of yet: %s',
    async (code) => {
      await expect(run(times(2, failureOf(code)), false)).rejects.toMatchObject({ code: 'unreachable', attempts: 2 });
    },
  );

  it.each(['ECONNREFUSED', 'ENOTFOUND'])('outlasts the restart of a registry that has answered: %s', async (code) => {
    expect(await run(times(5, failureOf(code)), true)).toEqual({ tries: 6, waits: 5 });
  });

  it('is repeated for free after an idle connection broke, but not when it broke within an answer', async () => {
    const broken = failureOf('ECONNRESET');
    expect(await run([broken], true)).toEqual({ tries: 2, waits: 0 });
    expect(await run([new BrokeOff(broken)], true)).toEqual({ tries: 2, waits: 1 });
  });

  it('is begun anew as often as each cause allows, whatever else happened before', async () => {
    const busy = failureOf('ETIMEDOUT');
    expect(await run([busy, busy, lost('forgotten'), lost('miscounted')], true)).toEqual({ tries: 5, waits: 4 });
    await expect(run([busy, lost('forgotten'), busy, lost('forgotten')], true)).rejects.toBe(outcome);
  });
});
