import { describe, expect, it } from 'vitest';
import { chainCredentials } from '../../../src/credentials/chain.ts';
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

  it('says so when there is nowhere to look', () => {
    expect(chainCredentials([]).searched).toContain('no login was given');
  });
});
