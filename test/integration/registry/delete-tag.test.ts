// Tags are taken away only where a host is known to take nothing else with them. The hosts are names that a proxy knows.
import { afterEach, expect, it } from 'vitest';
import { proxyRule } from '../../../src/base/proxy.ts';
import { sha256 } from '../../../src/base/digest.ts';
import { startForwardProxy } from '../../support/forward-proxy.ts';
import { type MemoryRegistry, startMemoryRegistry } from '../../support/memory-registry.ts';
import { makeClient, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startAs(host: string): Promise<{ readonly registry: MemoryRegistry; readonly test: TestClient }> {
  const registry = await startMemoryRegistry();
  ends.push(() => registry.stop());
  const proxy = await startForwardProxy({ hosts: { [host]: registry.host } });
  ends.push(() => proxy.stop());
  const test = makeClient({
    insecureHosts: new Set([host]),
    proxyFor: proxyRule({ http: proxy.url, https: proxy.url }),
  });
  ends.push(() => test.client.close());
  return { registry, test };
}

it.each(['registry.gitlab.com', 'eu.gcr.io', 'europe-docker.pkg.dev'])('%s forgets a tag when asked', async (host) => {
  const { registry, test } = await startAs(host);
  const repository = test.target(`${host}/a/b/c`);
  registry.fail({ method: 'DELETE', nth: 1, answer: { status: 502 } });
  registry.fail({ method: 'DELETE', nth: 2, answer: { status: 202 } });
  expect(repository.canDeleteTags).toBe(true);
  await repository.deleteTag('1', signal);
  expect(registry.requests().filter(({ method }) => method === 'DELETE')).toMatchObject([
    { path: '/v2/a/b/c/manifests/1', status: 502 },
    { path: '/v2/a/b/c/manifests/1', status: 202 },
  ]);
});

it('a digest is not deleted even there, and nothing is anywhere else', async () => {
  const host = 'registry.gitlab.com';
  const { registry, test } = await startAs(host);
  const digest = sha256(Buffer.from('manifest'));
  await expect(test.target(`${host}/a/b`).deleteTag(digest, signal)).rejects.toThrow('must not be deleted');
  const other = test.target(`${registry.host}/a/b`);
  expect(other.canDeleteTags).toBe(false);
  await expect(other.deleteTag('1', signal)).rejects.toThrow('must not be deleted');
  expect(registry.requests()).toEqual([]);
});
