import { describe, expect, it } from 'vitest';
import { chainCredentials, pullOnly } from '../../../src/credentials/chain.ts';
import { givenLogins } from '../../../src/credentials/settings.ts';

const login = (registry: string, username: string, source: string, password = 'p') => ({
  registry,
  username,
  password,
  source,
});

describe('logins from settings', () => {
  it('are for their host alone', async () => {
    const source = givenLogins([login('r.io', 'u', 's'), login('index.docker.io', 'hub', 's')]);
    expect(await source.find('r.io')).toEqual({ kind: 'basic', username: 'u', password: 'p', source: 's' });
    expect(await source.find('docker.io')).toMatchObject({ username: 'hub' });
    expect(await source.find('r.io:5000')).toBeUndefined();
    expect(await source.find('x.r.io')).toBeUndefined();
  });

  it('with a path are for the repositories below it', async () => {
    const source = givenLogins([
      login('r.io', 'host', 's'),
      { ...login('r.io', 'team', 's'), path: 'team' },
      { ...login('r.io', 'app', 's'), path: 'team/app' },
    ]);
    const user = async (path?: string) => source.find('r.io', path);
    expect(await user('team/app')).toMatchObject({ username: 'app' });
    expect(await user('team/application')).toMatchObject({ username: 'team' });
    expect(await user('teams')).toMatchObject({ username: 'host' });
    expect(await user()).toMatchObject({ username: 'host' });
    expect(source.searched).toBe('s (for r.io), s (for r.io/team), s (for r.io/team/app)');
  });

  it('lose the line end that a file gave them', async () => {
    expect(await givenLogins([login('r.io', 'u', 's', 'secret\r\n')]).find('r.io')).toMatchObject({
      password: 'secret',
    });
    expect(await givenLogins([login('r.io', 'u', 's', 'two\n\n')]).find('r.io')).toMatchObject({ password: 'two\n' });
  });

  it('may be an identity token', async () => {
    expect(await givenLogins([login('r.io', '<token>', 's')]).find('r.io')).toEqual({
      kind: 'identity-token',
      token: 'p',
      source: 's',
    });
  });
});

describe('a chain', () => {
  it('asks in order and says where it looked', async () => {
    const chain = chainCredentials([
      givenLogins([login('r.io', 'first', 'settings username/password')]),
      givenLogins([login('r.io', 'second', 'settings logins'), login('s.io', 'third', 'settings logins')]),
    ]);
    expect(await chain.find('r.io')).toMatchObject({ username: 'first' });
    expect(await chain.find('s.io')).toMatchObject({ username: 'third' });
    expect(await chain.find('t.io')).toBeUndefined();
    expect(chain.searched).toBe(
      'settings username/password (for r.io), settings logins (for r.io), settings logins (for s.io)',
    );
  });

  it('keeps logins for base images from everybody who may write', async () => {
    const chain = chainCredentials([
      pullOnly(givenLogins([login('r.io', 'base', 's')])),
      givenLogins([login('r.io', 'config', 's')]),
    ]);
    expect(await chain.find('r.io', 'app', 'pull')).toMatchObject({ username: 'base' });
    expect(await chain.find('r.io', 'app', 'push')).toMatchObject({ username: 'config' });
    expect(await chain.find('r.io')).toMatchObject({ username: 'config' });
  });

  it('knows the setting that would send a login to another host', () => {
    const own = { ...login('docker.io', 'u', 'settings username/password'), hostSetting: 'registry' };
    const chain = chainCredentials([givenLogins([login('r.io', 'other', 'settings logins'), own])]);
    expect(chain.advice?.('s.io')).toBe('settings username/password belong to docker.io; set `registry: s.io`');
    expect(chain.advice?.('docker.io')).toBeUndefined();
    expect(chainCredentials([givenLogins([login('r.io', 'u', 's')])]).advice?.('s.io')).toBeUndefined();
  });

  it('has nothing to say when there is nowhere to look', () => {
    expect(chainCredentials([givenLogins([]), chainCredentials([])]).searched).toBe('');
  });
});
