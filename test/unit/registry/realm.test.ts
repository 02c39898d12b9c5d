import { describe, expect, it } from 'vitest';
import { isSameHouse, judgeRealm } from '../../../src/registry/realm.ts';

function judge(registryOrigin: string, realm: string | undefined, tokenHosts: readonly string[] = []) {
  return judgeRealm(realm, { registryOrigin, tokenHosts: new Set(tokenHosts) });
}

describe('a token server', () => {
  it.each([
    ['https://reg.example.com', 'https://reg.example.com/token'],
    ['https://reg.example.com', 'https://reg.example.com:8443/token'],
    ['https://reg.example.com:5000', 'https://auth.example.com/token'],
    ['https://registry.example.co.uk', 'https://auth.example.co.uk/token'],
    ['https://registry.gitlab.com', 'https://gitlab.com/jwt/auth'],
    ['https://registry-1.docker.io', 'https://auth.docker.io/token'],
    ['https://docker.elastic.co', 'https://docker-auth.elastic.co/auth'],
    ['https://registry.digitalocean.com', 'https://api.digitalocean.com/v2/registry/auth'],
    ['https://team.azurecr.io', 'https://team.azurecr.io/oauth2/token'],
    ['http://127.0.0.1:5000', 'http://127.0.0.1:5001/token'],
    ['http://localhost:5000', 'http://127.0.0.1:5001/token'],
    ['http://[::1]:5000', 'http://[::1]:5001/token'],
    ['http://reg.lan:5000', 'http://reg.lan:5001/token'],
    ['http://reg.lan:5000', 'https://reg.lan/token'],
  ])('of %s may be %s', (registry, realm) => {
    const verdict = judge(registry, realm);
    expect(verdict).toEqual({ ok: true, target: { origin: new URL(realm).origin, path: new URL(realm).pathname } });
  });

  it.each([
    ['https://reg.example.com', undefined, 'names no token server'],
    ['https://reg.example.com', '', 'names no token server'],
    ['https://reg.example.com', 'token', 'no URL'],
    ['https://reg.example.com', 'null://', 'does not speak https'],
    ['https://reg.example.com', 'http://reg.example.com/token', 'does not speak https'],
    ['http://reg.example.com', 'ftp://reg.example.com/token', 'does not speak https'],
    ['https://reg.example.com', 'https://evil.example.net/token', 'somebody else'],
    ['https://reg.example.com', 'https://reg.example.com.evil.net/token', 'somebody else'],
    ['https://reg.example.com', 'https://evilexample.com/token', 'somebody else'],
    ['https://reg.example.com', 'https://user:pw@reg.example.com/token', 'login in its address'],
    ['https://reg.example.com', 'https://127.0.0.1/token', 'somebody else'],
    ['https://reg.example.com', 'https://169.254.169.254/token', 'somebody else'],
    ['https://10.0.0.1', 'https://10.0.0.2/token', 'somebody else'],
    ['https://reg.co.uk', 'https://evil.co.uk/token', 'somebody else'],
    ['https://reg.com.br', 'https://evil.com.br/token', 'somebody else'],
    ['https://team.azurecr.io', 'https://evil.azurecr.io/token', 'somebody else'],
    ['https://a.dkr.ecr.eu-west-1.amazonaws.com', 'https://evil.s3.amazonaws.com/token', 'somebody else'],
    ['https://reg', 'https://evil/token', 'somebody else'],
    ['http://127.0.0.1:5000', 'http://evil.example.net/token', 'somebody else'],
    ['https://auth.docker.io', 'https://evil.net/token', 'somebody else'],
  ])('of %s may not be %s', (registry, realm, reason) => {
    expect(judge(registry, realm)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
  });

  it('is told by its host when the settings could allow it, and only then', () => {
    expect(judge('https://reg.example.com', 'https://evil.net:8443/token')).toMatchObject({
      stranger: 'evil.net:8443',
    });
    expect(judge('https://reg.example.com', 'http://reg.example.com/token')).not.toHaveProperty('stranger');
  });

  it('of another house is fine when the settings name it', () => {
    expect(judge('https://reg.example.com', 'https://login.example.net/token', ['login.example.net'])).toMatchObject({
      ok: true,
    });
  });

  it('keeps the query of its address', () => {
    expect(judge('https://r.io', 'https://r.io/token?a=b%2F')).toMatchObject({ target: { path: '/token?a=b%2F' } });
  });
});

describe('a house', () => {
  it.each([
    ['a.example.com', 'b.example.com', true],
    ['a.b.example.com', 'c.example.com', true],
    ['example.com', 'a.example.com', true],
    ['a.com', 'b.com', false],
    ['a.co.jp', 'b.co.jp', false],
    ['a.corp', 'b.corp', false],
    ['1.2.3.4', '5.6.3.4', false],
    ['a.github.io', 'b.github.io', false],
    ['x.a.github.io', 'y.a.github.io', false],
  ])('of %s and %s: %s', (one, other, expected) => {
    expect(isSameHouse(one, other)).toBe(expected);
    expect(isSameHouse(other, one)).toBe(expected);
  });
});
