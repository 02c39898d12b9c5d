import { describe, expect, it } from 'vitest';
import type { CredentialSource } from '../../../src/base/credentials.ts';
import { cacheGrants, narrowScope, registryAuthority } from '../../../src/build/registry-authority.ts';

const grants = [{ domain: 'reg.example:5000', path: 'team/app' }];

describe('the caches that a build writes', () => {
  it('may be pushed to where they are in a registry', () => {
    const cache = (type: string, attrs: Readonly<Record<string, string>>) => ({ type, attrs });
    const grants = cacheGrants([
      cache('inline', {}),
      cache('registry', { ref: 'reg.example:5000/team/cache:main', mode: 'max' }),
      cache('gha', { ref: 'x' }),
    ]);
    expect(grants).toEqual([expect.objectContaining({ domain: 'reg.example:5000', path: 'team/cache' })]);
    expect(narrowScope('repository:team/cache:pull,push', 'reg.example:5000', grants)).toBe(
      'repository:team/cache:pull,push',
    );
    expect(narrowScope('repository:team/app:pull,push', 'reg.example:5000', grants)).toBe('repository:team/app:pull');
  });
});

describe('narrowScope', () => {
  it.each([
    ['pull of anything', 'repository:other/base:pull', 'repository:other/base:pull'],
    ['push of what this solve publishes', 'repository:team/app:pull,push', 'repository:team/app:pull,push'],
    ['pull only of a repository that is not published', 'repository:other/app:pull,push', 'repository:other/app:pull'],
    ['nothing for deleting', 'repository:team/app:delete', undefined],
    ['nothing for everything', 'repository:team/app:*', undefined],
    ['nothing for what is no repository', 'registry:catalog:*', undefined],
    ['pull only for a look-alike of the repository', 'repository:team/app2:push,pull', 'repository:team/app2:pull'],
  ])('grants %s', (_, scope, granted) => {
    expect(narrowScope(scope, 'reg.example:5000', grants)).toBe(granted);
  });

  it('grants no push on another host', () => {
    expect(narrowScope('repository:team/app:push', 'reg.example', grants)).toBeUndefined();
  });
});

describe('registryAuthority', () => {
  const credentials: CredentialSource = {
    searched: 'the test',
    find: async (host) =>
      host === 'reg.example:5000' ? { kind: 'basic', username: 'u', password: 'p', source: 'test' } : undefined,
  };
  const asked: unknown[] = [];
  const fetcher = {
    fetchToken: async (request: unknown) => {
      asked.push(request);
      return { token: 't', expiresInSeconds: 60, issuedAt: new Date(0) };
    },
  };

  it('asks for a token with the narrowed scopes, in the name of the repository that is pushed to', async () => {
    const authority = registryAuthority(fetcher, credentials, grants);
    const signal = new AbortController().signal;
    await authority.fetchToken(
      {
        host: 'reg.example:5000',
        realm: 'https://reg.example/token',
        service: 's',
        scopes: ['repository:base:pull,push', 'repository:team/app:pull,push'],
      },
      signal,
    );
    expect(asked).toEqual([
      {
        host: 'reg.example:5000',
        realm: 'https://reg.example/token',
        service: 's',
        scopes: ['repository:base:pull', 'repository:team/app:pull,push'],
        path: 'team/app',
      },
    ]);
  });

  it('gives a login to its exact host only', async () => {
    const authority = registryAuthority(fetcher, credentials, []);
    expect(await authority.login('reg.example:5000')).toEqual({ username: 'u', secret: 'p' });
    expect(await authority.login('reg.example')).toBeUndefined();
    expect(await authority.hasLogin('reg.example:5001')).toBe(false);
  });

  it('says what a login is for: pushing on the hosts of this solve, pulling elsewhere', async () => {
    const uses: unknown[] = [];
    const noting: CredentialSource = {
      searched: '',
      find: async (host, path, use) => void uses.push([host, path, use]),
    };
    const authority = registryAuthority(fetcher, noting, grants);
    await authority.login('reg.example:5000');
    await authority.login('base.example');
    await authority.hasLogin('base.example');
    expect(uses).toEqual([
      ['reg.example:5000', 'team/app', 'push'],
      ['base.example', undefined, 'pull'],
      ['base.example', undefined, 'pull'],
    ]);
  });
});
