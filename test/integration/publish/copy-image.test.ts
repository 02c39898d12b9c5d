// Copying between two registries of which one fails: the other one must not suffer, and the message says which one it was.
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { copyImage } from '../../../src/publish/copy-image.ts';
import type { Published } from '../../../src/publish/target.ts';
import { timeLimitsFor } from '../../../src/registry/time-limits.ts';
import { type FaultProxy, startFaultProxy } from '../../faults/fault-proxy.ts';
import type { FaultRule } from '../../faults/rules.ts';
import { type MemoryRegistry, startMemoryRegistry } from '../../support/memory-registry.ts';
import { makeClient, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const oci = 'application/vnd.oci.image';
/** Too large to be kept in memory on the way. */
const layer = randomBytes(3_000_000);
const config = Buffer.from('{"os":"linux","architecture":"amd64"}');

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Scene extends TestClient {
  readonly from: MemoryRegistry;
  readonly to: MemoryRegistry;
  readonly sourceProxy: FaultProxy;
  readonly targetProxy: FaultProxy;
  readonly copy: () => Promise<Published>;
}

function described(bytes: Buffer, mediaType: string) {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

/** An image in a registry, and another registry; a proxy before each. */
async function scene(): Promise<Scene> {
  const [from, to] = await Promise.all([startMemoryRegistry(), startMemoryRegistry()]);
  const [sourceProxy, targetProxy] = await Promise.all([startFaultProxy(from.host), startFaultProxy(to.host)]);
  const test = makeClient({ limits: { ...timeLimitsFor(1500), attempts: 4 } });
  ends.push(
    () => from.stop(),
    () => to.stop(),
    () => sourceProxy.stop(),
    () => targetProxy.stop(),
  );
  ends.push(() => test.client.close());
  const mediaType = `${oci}.manifest.v1+json`;
  const content = {
    schemaVersion: 2,
    mediaType,
    config: described(config, `${oci}.config.v1+json`),
    layers: [described(layer, `${oci}.layer.v1.tar+gzip`)],
  };
  const bytes = Buffer.from(JSON.stringify(content));
  const root = { mediaType, bytes, digest: sha256(bytes) };
  const stored = from.repository('a/b');
  for (const blob of [config, layer]) stored.blobs.set(sha256(blob), blob);
  stored.manifests.set(root.digest, root);
  const repository = test.source(`${sourceProxy.host}/a/b`);
  const source = {
    name: repository.name,
    isMountable: true,
    getManifest: ({ digest }: { digest: string }) => repository.getManifest(digest, signal),
    openBlob: repository.openBlob.bind(repository),
  };
  const target = test.target(`${targetProxy.host}/c/d`);
  const targets = [{ repository: target, tags: ['1'] }];
  const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
  const copy = async (): Promise<Published> => {
    const patience = { tries: 2, waitMs: 1 };
    const published = await copyImage({ source, root, targets, log, onLayer: () => undefined, patience }, signal);
    await target.abandonUploads();
    return published;
  };
  return { ...test, from, to, sourceProxy, targetProxy, copy };
}

const atSource = (rule: FaultRule): { readonly side: 'source'; readonly rule: FaultRule } => ({ side: 'source', rule });
const atTarget = (rule: FaultRule): { readonly side: 'target'; readonly rule: FaultRule } => ({ side: 'target', rule });
const largeBlob = { step: 'gb', path: new RegExp(sha256(layer)) } as const;
const largePut = { step: 'pb', minBodyBytes: 1_000_000 } as const;

describe('one failure', () => {
  it.each([
    [
      'of the source in the middle of a blob',
      atSource({ match: largeBlob, do: { kind: 'truncate', afterBytes: 1_000_000 } }),
    ],
    ['of the source before a blob', atSource({ match: largeBlob, do: { kind: 'reset', when: 'before' } })],
    ['of the source that says 503', atSource({ match: largeBlob, do: { kind: 'answer', status: 503 } })],
    ['of the source that keeps silent', atSource({ match: largeBlob, do: { kind: 'hang', when: 'before' } })],
    ['of the target in the middle of a blob', atTarget({ match: largePut, do: { kind: 'reset', when: 'body' } })],
    ['of the target that says 502 to a blob', atTarget({ match: largePut, do: { kind: 'answer', status: 502 } })],
    [
      'of the target that stores a blob and does not say so',
      atTarget({ match: largePut, do: { kind: 'lose-answer' } }),
    ],
    ['of the target that keeps silent', atTarget({ match: largePut, do: { kind: 'hang', when: 'after' } })],
  ])('%s is survived, with the same bytes', async (_, { side, rule }) => {
    const { to, copy, sourceProxy, targetProxy } = await scene();
    const proxy = side === 'source' ? sourceProxy : targetProxy;
    proxy.arm([rule]);
    const { digest } = await copy();
    expect(proxy.fired()).toHaveLength(1);
    const stored = to.repository('c/d');
    expect(stored.tags.get('1')).toBe(digest);
    expect(stored.blobs.get(sha256(layer))?.equals(layer)).toBe(true);
    expect(to.openUploads()).toBe(0);
  });

  it('of the target costs the source one more read of that blob and no other', async () => {
    const { copy, sourceProxy, targetProxy } = await scene();
    sourceProxy.arm([]);
    targetProxy.arm([{ match: largePut, do: { kind: 'answer', status: 502 } }]);
    await copy();
    expect(sourceProxy.counts().get('gb')).toBe(2 + 1);
  });

  it('of the source costs the target no second upload', async () => {
    const { copy, sourceProxy, targetProxy } = await scene();
    sourceProxy.arm([{ match: largeBlob, do: { kind: 'truncate', afterBytes: 1_000_000 } }]);
    targetProxy.arm([]);
    await copy();
    expect(targetProxy.counts().get('pb')).toBe(2);
  });
});

describe('a failure for good', () => {
  const forEver = { times: Number.POSITIVE_INFINITY };
  it.each([
    ['source that says 503', atSource({ match: { ...largeBlob, ...forEver }, do: { kind: 'answer', status: 503 } }), 4],
    [
      'source that forbids it',
      atSource({ match: { ...largeBlob, ...forEver }, do: { kind: 'answer', status: 403 } }),
      3,
    ],
    [
      'source that breaks off',
      atSource({ match: { ...largeBlob, ...forEver }, do: { kind: 'truncate', afterBytes: 10 } }),
      4,
    ],
    [
      'source with other bytes',
      atSource({
        match: { ...largeBlob, ...forEver },
        do: { kind: 'rewrite', body: (bytes) => Buffer.alloc(bytes.length) },
      }),
      7,
    ],
    ['target that says 503', atTarget({ match: { ...largePut, ...forEver }, do: { kind: 'answer', status: 503 } }), 4],
    [
      'target that forbids it',
      atTarget({ match: { ...largePut, ...forEver }, do: { kind: 'answer', status: 403 } }),
      3,
    ],
  ])('of a %s says whose it is, and nothing is tagged', async (_, { side, rule }, exitCode) => {
    const { to, copy, sourceProxy, targetProxy } = await scene();
    (side === 'source' ? sourceProxy : targetProxy).arm([rule]);
    await expect(copy()).rejects.toMatchObject({ side, exitCode });
    expect(to.repository('c/d').tags.size).toBe(0);
    expect(to.repository('c/d').manifests.size).toBe(0);
  });
});
