// Registries behind a proxy: absolute requests for plain http, a tunnel for TLS. Names that only the proxy knows prove that
// nothing goes past it.
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { proxyRule } from '../../../src/base/proxy.ts';
import { type ForwardProxyOptions, type ForwardProxy, startForwardProxy } from '../../support/forward-proxy.ts';
import { startRegistry, type RegistryOptions, type TestRegistry } from '../../support/registry.ts';
import { makeClient, passwordOf } from '../../support/registry-client.ts';
import { freePort } from '../../support/recording-proxy.ts';

const { signal } = new AbortController();
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(
  options: RegistryOptions,
  makeProxy: (registry: TestRegistry) => ForwardProxyOptions = () => ({}),
): Promise<{ readonly registry: TestRegistry; readonly proxy: ForwardProxy }> {
  const registry = await startRegistry(options);
  ends.push(() => registry.stop());
  const proxy = await startForwardProxy(makeProxy(registry));
  ends.push(() => proxy.stop());
  return { registry, proxy };
}

/** A client that goes to `reg.test` through the proxy, whatever the certificate says. */
function clientOf(proxy: string, no?: string) {
  const test = makeClient({
    credentials: passwordOf('builder', 'builder-password'),
    insecureHosts: new Set(['reg.test']),
    proxyFor: proxyRule({ http: proxy, https: proxy, no }),
  });
  ends.push(() => test.client.close());
  return test;
}

describe.each([
  ['plain http', false],
  ['TLS', true],
] as const)('%s', (_, tls) => {
  it('goes through the proxy, whose login is shown to nobody else', async () => {
    const { registry, proxy } = await start({ auth: 'htpasswd', tls }, ({ host }) => ({
      hosts: { 'reg.test': host },
      login: 'me:hunter22',
    }));
    await clientOf(proxy.url).target('reg.test/team/app').checkPushAccess(signal);
    expect(new Set(proxy.asked)).toContain(tls ? 'CONNECT reg.test:443' : 'POST http://reg.test');
    expect(registry.requests().map(({ method }) => method)).toEqual(['GET', 'POST', 'DELETE']);
    expect(new Set(registry.requests().map(({ user }) => user))).toEqual(new Set([undefined, 'builder']));
  });

  it('goes past the proxy where no_proxy says so, and on loopback', async () => {
    const { registry, proxy } = await start({ auth: 'htpasswd', tls });
    const test = clientOf(proxy.url, 'reg.test');
    await expect(test.target('reg.test/team/app').checkPushAccess(signal)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.not.stringContaining('proxy'),
    });
    const near = makeClient({
      credentials: passwordOf('builder', 'builder-password'),
      insecureHosts: new Set([registry.host]),
      proxyFor: proxyRule({ http: proxy.url, https: proxy.url }),
    });
    ends.push(() => near.client.close());
    await near.target(`${registry.host}/team/app`).checkPushAccess(signal);
    expect(proxy.asked).toEqual([]);
  });

  it('is refused by a proxy that wants another login, which is said without any login', async () => {
    const { proxy } = await start({ tls }, ({ host }) => ({ hosts: { 'reg.test': host }, login: 'me:hunter22' }));
    const test = clientOf(proxy.url.replace('hunter22', 'wrong-one'));
    await expect(test.target('reg.test/team/app').checkPushAccess(signal)).rejects.toMatchObject({
      code: 'unreachable',
      exitCode: 4,
      message: expect.stringContaining(
        `reg.test cannot be reached: the proxy did not let us through, it answered 407 (through the proxy http://${proxy.host})`,
      ),
      hint: expect.stringContaining('`no_proxy: reg.test`'),
    });
  });

  it('is not blamed for a body whose source fails', async () => {
    const { proxy } = await start({ auth: 'htpasswd', tls }, ({ host }) => ({ hosts: { 'reg.test': host } }));
    const bytes = Buffer.alloc(100_000, 'x');
    const failure = new PluginError({ code: 'integrity', exitCode: 7, message: 'the source has other bytes' });
    const failing = function* (): Generator<Buffer> {
      yield bytes.subarray(0, 70_000);
      throw failure;
    };
    const open = (): Readable => Readable.from(failing(), { objectMode: false });
    const blob = { digest: sha256(bytes), sizeBytes: bytes.length, open };
    await expect(clientOf(proxy.url).target('reg.test/team/app').ensureBlob(blob, signal)).rejects.toBe(failure);
  });

  it('names the proxy when that is not there', async () => {
    const host = `127.0.0.1:${await freePort()}`;
    await expect(
      clientOf(`http://me:hunter22@${host}`).target('reg.test/team/app').checkPushAccess(signal),
    ).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(
        `reg.test cannot be reached: nothing listens there (2 tries in 0 s) (through the proxy http://${host})`,
      ),
    });
  });
});

it('a token server is asked through the proxy too', async () => {
  const names: Record<string, string> = {};
  const { registry, proxy } = await start({ auth: 'token', realmHost: 'auth.reg.test' }, () => ({ hosts: names }));
  names['reg.test'] = registry.host;
  names['auth.reg.test'] = new URL(registry.tokens?.realm ?? '').host;
  await clientOf(proxy.url).target('reg.test/team/app').checkPushAccess(signal);
  expect(proxy.asked).toContain('GET http://auth.reg.test');
  expect(registry.takeTokenRequests()).toMatchObject([{ user: 'builder', status: 200 }]);
});
