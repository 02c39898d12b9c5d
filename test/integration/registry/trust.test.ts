// Whom the client believes and what it shows, on real TLS connections: authorities for one host alone, client certificates,
// hosts that are not verified, token servers of another house.
import { afterEach, describe, expect, it } from 'vitest';
import type { HostTrust } from '../../../src/base/certificates.ts';
import { proxyRule } from '../../../src/base/proxy.ts';
import { startForwardProxy } from '../../support/forward-proxy.ts';
import { startRegistry, type RegistryOptions, type TestRegistry } from '../../support/registry.ts';
import { makeClient, passwordOf } from '../../support/registry-client.ts';
import type { RegistryOptions as ClientOptions } from '../../../src/registry/registry-client.ts';

const { signal } = new AbortController();
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: RegistryOptions): Promise<TestRegistry> {
  const registry = await startRegistry(options);
  ends.push(() => registry.stop());
  return registry;
}

async function push(host: string, options: Partial<ClientOptions>): Promise<void> {
  const test = makeClient({ credentials: passwordOf('builder', 'builder-password'), ...options });
  ends.push(() => test.client.close());
  await test.target(`${host}/team/app`).checkPushAccess(signal);
}

const only =
  (host: string, trust: HostTrust) =>
  (asked: string): HostTrust =>
    asked === host ? trust : { authorities: [] };

describe('an authority', () => {
  it('is believed for its own host, and for no other', async () => {
    const registry = await start({ tls: true });
    const authorities = [registry.caCertificate ?? ''];
    await push(registry.host, { trustOf: only(registry.host, { authorities }) });
    const elsewhere = only('reg.example', { authorities });
    await expect(push(registry.host, { trustOf: elsewhere })).rejects.toMatchObject({ code: 'tls-unknown-ca' });
    await expect(push(registry.host, {})).rejects.toMatchObject({ code: 'tls-unknown-ca', exitCode: 4 });
  });
});

describe('a client certificate', () => {
  it('is shown to the host that it is for', async () => {
    const registry = await start({ tls: 'mutual', auth: 'htpasswd' });
    const { caCertificate = '', clientPair } = registry;
    if (clientPair === undefined) throw new Error('no pair');
    const authorities = [caCertificate];
    await push(registry.host, { trustOf: only(registry.host, { authorities, clientPair }) });
    expect(registry.take().length).toBeGreaterThan(0);
    const without = { caCertificates: authorities, trustOf: only('reg.example', { authorities: [], clientPair }) };
    await expect(push(registry.host, without)).rejects.toMatchObject({
      code: 'tls-client-cert',
      hint: expect.stringContaining('`client_cert: '),
    });
    expect(registry.requests()).toEqual([]);
  });
});

describe('a host that is not verified', () => {
  it('may show any certificate', async () => {
    const registry = await start({ tls: true });
    await push(registry.host, { unverifiedHosts: new Set([registry.host]) });
    expect(registry.requests().map(({ status }) => status)).toContain(202);
  });

  it('has to speak TLS, even on loopback', async () => {
    const registry = await start({});
    await push(registry.host, {});
    registry.forget();
    await expect(push(registry.host, { unverifiedHosts: new Set([registry.host]) })).rejects.toMatchObject({
      code: 'plain-http',
    });
    expect(registry.requests()).toEqual([]);
    await push(registry.host, {
      unverifiedHosts: new Set([registry.host]),
      insecureHosts: new Set([registry.host]),
    });
  });
});

describe('a token server of another house', () => {
  it('gets the login once the settings name it, and nothing before', async () => {
    const names: Record<string, string> = {};
    const proxy = await startForwardProxy({ hosts: names });
    ends.push(() => proxy.stop());
    const registry = await start({ auth: 'token', realmHost: 'tokens.test' });
    names['reg.test'] = registry.host;
    names['tokens.test'] = new URL(registry.tokens?.realm ?? '').host;
    const options = {
      insecureHosts: new Set(['reg.test']),
      proxyFor: proxyRule({ http: proxy.url, https: proxy.url }),
    };
    await expect(push('reg.test', options)).rejects.toMatchObject({
      code: 'bad-realm',
      exitCode: 4,
      hint: 'if it may have the logins for reg.test, set `token_hosts: tokens.test`',
    });
    expect(registry.takeTokenRequests()).toEqual([]);
    await push('reg.test', { ...options, tokenHosts: new Set(['tokens.test']) });
    expect(registry.takeTokenRequests()).toMatchObject([{ user: 'builder', status: 200 }]);
  });
});
