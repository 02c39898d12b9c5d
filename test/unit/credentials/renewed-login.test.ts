import { expect, it } from 'vitest';
import { chainCredentials } from '../../../src/credentials/chain.ts';
import { googleLogins } from '../../../src/credentials/google-login.ts';
import { renewedLogin } from '../../../src/credentials/renewed-login.ts';
import { scriptedCloud } from './scripted-cloud.ts';

it('a login that a registry no longer takes is asked for anew, but not for another one', async () => {
  let count = 0;
  const issue = async (): Promise<{ readonly password: string; readonly expiresAt?: Date }> => ({
    password: `token ${(count += 1)}`,
  });
  const login = renewedLogin(issue, () => new Date(0));
  const isFirst = ({ password }: { password: string }): boolean => password === 'token 1';
  expect(login.forget(isFirst)).toBe(false);
  expect(await login()).toEqual({ password: 'token 1' });
  expect(login.forget(isFirst)).toBe(true);
  expect(await Promise.all([login(), login()])).toEqual([{ password: 'token 2' }, { password: 'token 2' }]);
  expect(login.forget(isFirst)).toBe(false);
  expect(count).toBe(2);
});

it('only the place that gave a login is asked for another', async () => {
  const json = '{"type":"service_account"}';
  const credential = { kind: 'json-key', json, source: 'settings json_key' } as const;
  const options = { variant: 'gar', hosts: ['eu-docker.pkg.dev'], credential, isOptional: false } as const;
  const chain = chainCredentials([
    { searched: 'nowhere', find: async () => undefined },
    googleLogins(options, scriptedCloud().tools),
  ]);
  const found = await chain.find('eu-docker.pkg.dev');
  if (found === undefined) throw new Error('no login');
  expect(chain.renew?.('us-docker.pkg.dev', found)).toBe(false);
  expect(chain.renew?.('eu-docker.pkg.dev', { ...found, kind: 'identity-token', token: 'x' })).toBe(false);
  expect(chain.renew?.('eu-docker.pkg.dev', found)).toBe(true);
});
