import { describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { checkPushAccess } from '../../../src/publish/check-push-access.ts';

const signal = new AbortController().signal;
const refusal = (message: string, exitCode: 3 | 4 = 3): PluginError =>
  new PluginError({ code: 'denied', exitCode, message });

const probe = (name: string, error?: Error) => ({
  repository: {
    name,
    checkPushAccess: () => (error === undefined ? Promise.resolve() : Promise.reject(error)),
  },
});

describe('the check for push access', () => {
  it('passes when every target may be pushed to', async () => {
    await expect(checkPushAccess([probe('a'), probe('b')], signal)).resolves.toBeUndefined();
  });

  it('throws the only failure as it is', async () => {
    const error = refusal('b refused');
    await expect(checkPushAccess([probe('a'), probe('b', error)], signal)).rejects.toBe(error);
  });

  it('tells all failures at once, the first one leading', async () => {
    const targets = [probe('a', refusal('a refused')), probe('b'), probe('c', refusal('c is away', 4))];
    await expect(checkPushAccess(targets, signal)).rejects.toMatchObject({
      exitCode: 3,
      code: 'denied',
      message: 'a refused',
      details: ['also: c is away'],
    });
  });

  it('tells a failure that all targets share once', async () => {
    const error = refusal('registry refused the password');
    const targets = [probe('a', error), probe('b', refusal('registry refused the password'))];
    await expect(checkPushAccess(targets, signal)).rejects.toBe(error);
  });

  it('ends with the reason of an abort', async () => {
    const controller = new AbortController();
    controller.abort(new Error('terminated'));
    await expect(checkPushAccess([probe('a', refusal('x'))], controller.signal)).rejects.toThrow('terminated');
  });
});
