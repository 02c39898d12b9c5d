import { describe, expect, it } from 'vitest';
import type { Credentials } from '../../../src/base/credentials.ts';
import { dockerConfigLogins } from '../../../src/credentials/docker-config.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function read(config: unknown) {
  const warnings: string[] = [];
  const secrets: string[] = [];
  const source = dockerConfigLogins(typeof config === 'string' ? config : JSON.stringify(config), {
    source: 'settings config',
    log: { info: () => undefined, warn: (line) => void warnings.push(line), debug: () => undefined },
    redact: (secret) => void secrets.push(secret),
  });
  return { source, warnings, secrets };
}

const basic = (username: string, password: string): Credentials => ({
  kind: 'basic',
  username,
  password,
  source: 'settings config',
});

describe('a docker config', () => {
  it.each([
    ['r.io', 'r.io'],
    ['https://r.io', 'r.io'],
    ['https://r.io/', 'r.io'],
    ['https://r.io/v2/', 'r.io'],
    ['r.io/v1/', 'r.io'],
    ['http://r.io:5000', 'r.io:5000'],
    ['R.IO', 'r.io'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['docker.io', 'docker.io'],
    ['docker.io', 'registry-1.docker.io'],
  ])('with key %s has the login of %s', async (key, host) => {
    const { source } = read({ auths: { [key]: { auth: base64('u:p') } } });
    expect(await source.find(host)).toEqual(basic('u', 'p'));
    expect(await source.find('other.io')).toBeUndefined();
  });

  it.each([
    ['r.io', 'r.io:5000'],
    ['r.io:5000', 'r.io'],
    ['r.io', 'x.r.io'],
    ['r.io', 'r.io.evil.net'],
    ['docker.io', 'docker.com'],
  ])('with key %s has nothing for %s', async (key, host) => {
    expect(await read({ auths: { [key]: { auth: base64('u:p') } } }).source.find(host)).toBeUndefined();
  });

  it('prefers the longest path, then the host', async () => {
    const entry = (user: string) => ({ auth: base64(`${user}:p`) });
    const { source } = read({
      auths: {
        'r.io': entry('host'),
        'r.io/team': entry('team'),
        'r.io/team/app': entry('app'),
        'https://r.io': entry('url'),
      },
    });
    const user = async (path?: string) => {
      const found = await source.find('r.io', path);
      return found?.kind === 'basic' ? found.username : undefined;
    };
    expect(await user('team/app')).toBe('app');
    expect(await user('team/app/sub')).toBe('app');
    expect(await user('team/application')).toBe('team');
    expect(await user('team')).toBe('team');
    expect(await user('teams')).toBe('host');
    expect(await user()).toBe('host');
  });

  it.each<readonly [string, object, Credentials]>([
    ['auth', { auth: base64('u:p') }, basic('u', 'p')],
    ['a password with colons', { auth: base64('u:p:q:') }, basic('u', 'p:q:')],
    ['a line end', { auth: base64('u:p\n') }, basic('u', 'p')],
    ['NULs at the end', { auth: base64('u:p\0\0') }, basic('u', 'p')],
    ['no padding', { auth: base64('u:p1').replace(/=+$/, '') }, basic('u', 'p1')],
    ['the other alphabet', { auth: Buffer.from('u:??>>').toString('base64url') }, basic('u', '??>>')],
    [
      'line breaks in it',
      { auth: `${base64('user:password').slice(0, 5)}\n${base64('user:password').slice(5)}` },
      basic('user', 'password'),
    ],
    ['username and password', { username: 'u', password: 'p' }, basic('u', 'p')],
    [
      'identitytoken',
      { auth: base64('u:'), identitytoken: 't' },
      { kind: 'identity-token', token: 't', source: 'settings config' },
    ],
    [
      'the user <token>',
      { auth: base64('<token>:t') },
      { kind: 'identity-token', token: 't', source: 'settings config' },
    ],
    ['registrytoken', { registrytoken: 't' }, { kind: 'registry-token', token: 't', source: 'settings config' }],
  ])('is read with %s', async (_, entry, expected) => {
    expect(await read({ auths: { 'r.io': entry } }).source.find('r.io')).toEqual(expected);
  });

  it('tells every secret at once', () => {
    const { secrets } = read({
      auths: { a: { auth: base64('u:pass') }, b: { identitytoken: 'identity' }, c: { registrytoken: 'ready' } },
    });
    expect(new Set(secrets)).toEqual(new Set(['pass', 'u:pass', base64('u:pass'), 'identity', 'ready']));
  });

  it.each([
    [{ credHelpers: { 'r.io': 'pass' } }, 'r.io', '"pass" for r.io'],
    [{ credsStore: 'desktop', auths: { 'https://index.docker.io/v1/': {} } }, 'docker.io', '"desktop" for docker.io'],
    [{ credHelpers: { 'r.io': 'x' }, auths: { 'r.io': {} } }, 'r.io', '"x" for r.io'],
  ])('%j warns of its helper when %s is asked for, once', async (config, host, text) => {
    const { source, warnings } = read(config);
    await source.find('elsewhere.io');
    expect(warnings).toEqual([]);
    expect(await source.find(host)).toBeUndefined();
    await source.find(host);
    expect(warnings).toEqual([
      expect.stringContaining(`settings config names credential helper ${text}, which is not in this image`),
    ]);
  });

  it.each([
    ['ecr-login', '`access_key` and `secret_key`'],
    ['gcloud', '`json_key`'],
    ['gcr', '`json_key`'],
    ['acr-env', '`client_id`, `client_secret` and `tenant_id`'],
  ])('leaves the helper %s to its cloud, and knows the settings for it', async (program, settings) => {
    const { source, warnings } = read({ credHelpers: { 'r.io': program } });
    expect(await source.find('r.io')).toBeUndefined();
    expect(warnings).toEqual([]);
    expect(source.advice?.('r.io')).toBe(
      `settings config leaves r.io to "${program}", and this machine has no login for it: set ${settings}`,
    );
    expect(source.advice?.('other.io')).toBeUndefined();
  });

  it('does not need its helper for what it has itself', async () => {
    const { source, warnings } = read({ credsStore: 'desktop', auths: { 'r.io': { auth: base64('u:p') } } });
    expect(await source.find('r.io')).toEqual(basic('u', 'p'));
    expect(await source.find('public.io')).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it.each([
    ['{', 'is not JSON'],
    ['[]', 'is not a JSON object'],
    ['"x"', 'is not a JSON object'],
    [{ auths: [] }, 'has `auths` that is not an object'],
    ['{"hunter2"', 'is not JSON'],
  ])('%j is refused without showing it', (config, problem) => {
    expect(() => read(config)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining(`settings config ${problem}`) }),
    );
    expect(() => read(config)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('hunter2') }));
  });

  it.each(['hunter2!', base64('hunter2')])('with the broken auth %s warns when its host is asked for', async (auth) => {
    const { source, warnings, secrets } = read({ auths: { 'r.io': { auth }, 's.io': { auth: base64('u:p') } } });
    expect(await source.find('s.io')).toEqual(basic('u', 'p'));
    expect(warnings).toEqual([]);
    expect(await source.find('r.io')).toBeUndefined();
    await source.find('r.io');
    expect(warnings).toEqual([
      'settings config has an `auth` for r.io that is not base64 of user:password; it is not used',
    ]);
    expect(secrets).toContain(auth);
  });

  it.each(['{}', '{"auths":null}', '\uFEFF{"auths":{}}', '{"auths":{"r.io":null}}', '{"__proto__":{"auths":1}}'])(
    '%s has no logins',
    async (text) => {
      expect(await read(text).source.find('r.io')).toBeUndefined();
    },
  );
});
