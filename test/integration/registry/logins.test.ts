// A 401 in the middle of things: what another token may mend, how often it is tried, and what is said when nothing helps.
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { CredentialSource } from '../../../src/base/credentials.ts';
import { sha256 } from '../../../src/base/digest.ts';
import {
  memoryLogin,
  type MemoryRegistry,
  type MemoryRegistryOptions,
  type RequestKind,
  startMemoryRegistry,
} from '../../support/memory-registry.ts';
import { makeClient, passwordOf, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const layer = Buffer.from('some layer');
const blob = {
  digest: sha256(layer),
  sizeBytes: layer.length,
  open: (): Readable => Readable.from([layer], { objectMode: false }),
};
const bytes = Buffer.from('{"schemaVersion":2}');
const manifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json', bytes, digest: sha256(bytes) };

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: MemoryRegistryOptions = { auth: 'bearer' }) {
  const registry = await startMemoryRegistry(options);
  ends.push(() => registry.stop());
  const test = makeClient({ credentials: passwordOf(memoryLogin.username, memoryLogin.password) });
  ends.push(() => test.client.close());
  return { registry, test, repository: test.target(`${registry.host}/a/b`) };
}

async function publish(repository: ReturnType<TestClient['target']>): Promise<void> {
  await repository.checkPushAccess(signal);
  await repository.headManifest('1', signal);
  await repository.ensureBlob(blob, signal);
  await repository.putManifest(manifest, { digest: manifest.digest }, signal);
  await repository.putManifest(manifest, { tag: '1' }, signal);
  expect(await repository.headManifest('1', signal)).toMatchObject({ digest: manifest.digest });
}

function basicLogins(registry: MemoryRegistry): number {
  return registry.requests().filter(({ authorization }) => authorization.startsWith('Basic')).length;
}

const steps: readonly (readonly [string, RequestKind, number])[] = [
  ['HEAD', 'manifest', 1],
  ['HEAD', 'manifest', 2],
  ['HEAD', 'blob', 1],
  ['POST', 'upload', 1],
  ['POST', 'upload', 2],
  ['PUT', 'upload', 1],
  ['PUT', 'manifest', 1],
  ['PUT', 'manifest', 2],
];

describe('a single 401', () => {
  it.each(steps)('to %s %s (%i) costs one token more', async (method, kind, nth) => {
    const { registry, repository, test } = await start();
    registry.fail({ method, kind, nth, answer: { status: 401 } });
    await publish(repository);
    expect(registry.counts()).toMatchObject({ 'GET token': 2 });
    expect(test.lines).toEqual([]);
  });
});

describe('401 for ever', () => {
  it.each(steps)('to %s %s (%i) ends after one token more, with what was wanted', async (method, kind, nth) => {
    const { registry, repository } = await start();
    for (let again = nth; again < nth + 4; again += 1)
      registry.fail({ method, kind, nth: again, answer: { status: 401, body: '{"errors":[{"message":"not you"}]}' } });
    await expect(publish(repository)).rejects.toMatchObject({
      code: 'denied',
      exitCode: 3,
      message: expect.stringMatching(/: user "user" may not do this in .*\/a\/b$/),
    });
    expect(registry.counts()).toMatchObject({ 'GET token': 2 });
  });

  it('of the token server ends with the first request, however many wait for it', async () => {
    const { registry, test } = await start();
    registry.fail({ kind: 'token', answer: { status: 401 } });
    const names = ['a/b', 'a/c', 'a/d'];
    const tries = names.flatMap((name) => {
      const repository = test.target(`${registry.host}/${name}`);
      return [repository.checkPushAccess(signal), repository.headManifest('1', signal)];
    });
    for (const outcome of await Promise.allSettled(tries)) {
      expect(outcome).toMatchObject({ reason: { code: 'credentials-refused', exitCode: 3 } });
    }
    expect(registry.counts()).toEqual({ 'GET ping': 1, 'GET token': 1 });
    expect(basicLogins(registry)).toBe(1);
  });

  it('to a password is one request with it', async () => {
    const { registry, repository } = await start({ auth: 'basic' });
    registry.fail({ method: 'POST', answer: { status: 401 } });
    const both = [repository.checkPushAccess(signal), repository.checkPushAccess(signal)];
    for (const outcome of await Promise.allSettled(both)) {
      expect(outcome).toMatchObject({ reason: { code: 'credentials-refused', exitCode: 3 } });
    }
    expect(basicLogins(registry)).toBe(1);
  });
});

describe('a token', () => {
  it('of one second serves as long as the registry takes it', async () => {
    const { registry, repository } = await start({ auth: 'bearer', tokenLifeSeconds: 1 });
    await repository.checkPushAccess(signal);
    registry.expireTokens();
    await repository.ensureBlob(blob, signal);
    registry.expireTokens();
    await repository.putManifest(manifest, { tag: '1' }, signal);
    expect(registry.counts()).toMatchObject({ 'GET token': 3 });
  });

  it('that never lives long enough is no reason to go on for ever', async () => {
    const { registry, repository } = await start();
    for (let nth = 1; nth <= 9; nth += 1)
      registry.fail({ kind: 'token', nth, answer: { status: 200, body: '{"token":"dead","expires_in":1}' } });
    await expect(repository.checkPushAccess(signal)).rejects.toMatchObject({ code: 'denied', exitCode: 3 });
    expect(registry.counts()).toMatchObject({ 'GET token': 2, 'POST upload': 2 });
  });

  it('says who may not do what, also where the registry says 403', async () => {
    const { registry, repository } = await start();
    const claims = { access: [{ type: 'repository', name: 'a/b', actions: ['pull'] }] };
    const token = ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'x'].join('.');
    registry.fail({ kind: 'token', answer: { status: 200, body: JSON.stringify({ token }) } });
    registry.fail({ method: 'POST', answer: { status: 403, body: '{"errors":[{"code":"DENIED","message":"no"}]}' } });
    await expect(repository.checkPushAccess(signal)).rejects.toMatchObject({
      code: 'denied',
      exitCode: 3,
      message: expect.stringMatching(/\(403\): user "user" may pull but not push .*\/a\/b$/),
    });
  });
});

describe('a login that a cloud gave', () => {
  /** Gives the password that the registry knows after so many that it does not know any more. */
  function cloud(passwords: readonly string[]): CredentialSource & { readonly asked: () => number } {
    let current = 0;
    return {
      searched: 'a cloud',
      find: async () => ({
        kind: 'basic',
        username: memoryLogin.username,
        password: passwords[Math.min(current, passwords.length - 1)] ?? '',
        source: 'a cloud',
      }),
      renew: () => {
        current += 1;
        return true;
      },
      asked: () => current,
    };
  }

  it.each(['basic', 'bearer'] as const)('and that has ended is asked for once more (%s)', async (auth) => {
    const { registry } = await start({ auth });
    const credentials = cloud([memoryLogin.password, `new-${memoryLogin.password}`]);
    const test = makeClient({ credentials });
    ends.push(() => test.client.close());
    const repository = test.target(`${registry.host}/a/b`);
    await repository.checkPushAccess(signal);
    registry.changePassword(`new-${memoryLogin.password}`);
    await repository.putManifest(manifest, { tag: '1' }, signal);
    expect(credentials.asked()).toBe(1);
    registry.changePassword('yet another');
    await expect(repository.putManifest(manifest, { tag: '2' }, signal)).rejects.toMatchObject({ exitCode: 3 });
    expect(credentials.asked()).toBe(1);
  });

  it.each(['basic', 'bearer'] as const)(
    'and that has ended costs none of several requests anything (%s)',
    async (auth) => {
      const { registry } = await start({ auth });
      const credentials = cloud([memoryLogin.password, `new-${memoryLogin.password}`]);
      const test = makeClient({ credentials });
      ends.push(() => test.client.close());
      const repository = test.target(`${registry.host}/a/b`);
      await repository.checkPushAccess(signal);
      registry.changePassword(`new-${memoryLogin.password}`);
      await Promise.all(['1', '2', '3'].map((tag) => repository.putManifest(manifest, { tag }, signal)));
      expect(credentials.asked()).toBe(1);
    },
  );

  it('is not given up because an upload may not be cancelled with it', async () => {
    const { registry } = await start({ auth: 'basic' });
    registry.fail({ method: 'DELETE', answer: { status: 401 } });
    const credentials = cloud([memoryLogin.password, 'another']);
    const test = makeClient({ credentials });
    ends.push(() => test.client.close());
    const repository = test.target(`${registry.host}/a/b`);
    await repository.checkPushAccess(signal);
    await repository.putManifest(manifest, { tag: '1' }, signal);
    expect(credentials.asked()).toBe(0);
    expect(registry.counts()).toMatchObject({ 'DELETE upload': 1 });
  });

  it('and that never worked is not asked for again', async () => {
    const { registry } = await start({ auth: 'basic' });
    const credentials = cloud(['wrong', memoryLogin.password]);
    const test = makeClient({ credentials });
    ends.push(() => test.client.close());
    await expect(test.target(`${registry.host}/a/b`).checkPushAccess(signal)).rejects.toMatchObject({
      code: 'credentials-refused',
    });
    expect(credentials.asked()).toBe(0);
  });
});
