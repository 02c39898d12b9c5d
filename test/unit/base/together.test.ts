import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { together } from '../../../src/base/together.ts';

const never = new AbortController().signal;

/** Works until it is stopped, and then needs a moment to end. */
function workUntilStopped(log: string[]): (signal: AbortSignal) => Promise<never> {
  return async (signal) => {
    if (!signal.aborted) await once(signal, 'abort');
    await Promise.resolve();
    log.push('stopped');
    throw signal.reason;
  };
}

describe('together', () => {
  it('gives both results', async () => {
    expect(
      await together(
        async () => 1,
        async () => 'two',
        never,
      ),
    ).toEqual([1, 'two']);
  });

  it.each([
    ['first', true],
    ['second', false],
  ])('stops the other one when the %s fails, waits for it and throws that failure', async (_, isFirst) => {
    const log: string[] = [];
    const failing = async (): Promise<never> => {
      throw new Error('no daemon');
    };
    const working = workUntilStopped(log);
    const both = isFirst ? together(failing, working, never) : together(working, failing, never);
    await expect(both).rejects.toThrow('no daemon');
    expect(log).toEqual(['stopped']);
  });

  it('stops both when the run is stopped', async () => {
    const log: string[] = [];
    const run = new AbortController();
    const both = together(workUntilStopped(log), workUntilStopped(log), run.signal);
    run.abort(new Error('stopped by SIGTERM'));
    await expect(both).rejects.toThrow('stopped by SIGTERM');
    expect(log).toEqual(['stopped', 'stopped']);
  });
});
