// The settings of how an image travels, each by its effect: what the registry holds, what it was asked, how the step ended. The
// steps that need no build copy an image that exists, so no daemon is in them.
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { publishBaseImage } from '../support/base-image.ts';
import { snapshotImages } from '../support/engine-observer.ts';
import { type EngineKind, engineKinds } from '../support/engines.ts';
import { startMemoryRegistry, type MemoryRegistry, type MemoryRegistryOptions } from '../support/memory-registry.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readManifest, unpackImage } from '../support/skopeo.ts';
import { publishIndex } from '../support/two-platforms.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

const noDaemon = 'unix:///nonexistent/docker.sock';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
  await publishBaseImage({ reference: `${registry.host}/base:1` });
});
afterAll(() => registry.stop());
beforeEach(() => {
  registry.forget();
});

interface Layers {
  readonly mediaType: string;
  readonly layerTypes: readonly string[];
}

async function layersAt(reference: string): Promise<Layers> {
  const { mediaType, document } = await readManifest({ reference });
  const layers = document['layers'] as readonly { mediaType: string }[];
  return { mediaType, layerTypes: layers.map((layer) => layer.mediaType) };
}

describe.each(engineKinds)('layers from %s', (kind) => {
  const engine = sharedEngine(kind);
  const docker = 'application/vnd.docker';
  const oci = 'application/vnd.oci.image';
  const build = (repo: string, settings: Readonly<Record<string, string>>): Promise<PluginResult> =>
    runPlugin({
      cwd: makeWorkspace({
        Dockerfile: 'FROM scratch\nCOPY data /data\nCOPY data /again\n',
        data: randomBytes(20_000),
      }),
      host: engine.host,
      settings: { repo, tags: '1', ...settings },
    });

  it.each([
    [
      'docker and gzip by default',
      {},
      `${docker}.distribution.manifest.v2+json`,
      `${docker}.image.rootfs.diff.tar.gzip`,
    ],
    ['oci', { oci_mediatypes: 'true' }, `${oci}.manifest.v1+json`, `${oci}.layer.v1.tar+gzip`],
    [
      'uncompressed',
      { compression: 'uncompressed' },
      `${docker}.distribution.manifest.v2+json`,
      `${docker}.image.rootfs.diff.tar`,
    ],
  ])('are %s', async (name, settings, manifestType, layerType) => {
    const repo = `${registry.host}/${kind}/${name.split(' ')[0]}`;
    const before = await snapshotImages(engine);
    expectExit(await build(repo, settings), 0);
    const { mediaType, layerTypes } = await layersAt(`${repo}:1`);
    expect(mediaType).toBe(manifestType);
    expect(new Set(layerTypes)).toEqual(new Set([layerType]));
    await unpackImage({ reference: `${repo}:1` }, makeTemporaryFolder());
    expect(await snapshotImages(engine)).toEqual(before);
  });
});

describe('zstd', () => {
  const step = (kind: EngineKind, settings: Readonly<Record<string, string>> = {}): Promise<PluginResult> =>
    runPlugin({
      cwd: makeWorkspace({ Dockerfile: `FROM ${registry.host}/base:1\nCOPY data /data\n`, data: randomBytes(20_000) }),
      host: sharedEngine(kind).host,
      settings: { repo: `${registry.host}/zstd/${kind}`, tags: '1', compression: 'zstd', ...settings },
    });

  it('packs every layer on the containerd image store, that of the base image too, with OCI media types', async () => {
    expectExit(await step('docker-26.1-containerd', { compression_level: '7' }), 0);
    const { mediaType, layerTypes } = await layersAt(`${registry.host}/zstd/docker-26.1-containerd:1`);
    expect(mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
    expect(new Set(layerTypes)).toEqual(new Set(['application/vnd.oci.image.layer.v1.tar+zstd']));
  });

  it.skipIf('zstdCompress' in process.getBuiltinModule('node:zlib'))(
    'is refused before the build where this plugin would have to pack the layers and its Node cannot',
    async () => {
      const refused = await step('docker-26.1-graphdriver');
      expectExit(refused, 2);
      expect(refused.output).toMatch(/settings\.compression: zstd layers .* its Node cannot do that/);
      expect(refused.output).not.toMatch(/^#1 /m);
    },
  );
});

it('compresses harder with a higher compression_level', async () => {
  const data = Buffer.alloc(2_000_000, randomBytes(3000).toString('hex') + randomBytes(500).toString('base64'));
  const sizes: number[] = [];
  for (const level of ['1', '9']) {
    const repo = `${registry.host}/level/${level}`;
    const cwd = makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY data /data\n', data });
    const { host } = sharedEngine('docker-26.1-graphdriver');
    expectExit(await runPlugin({ cwd, host, settings: { repo, tags: '1', compression_level: level } }), 0);
    const { document } = await readManifest({ reference: `${repo}:1` });
    sizes.push((document['layers'] as readonly { size: number }[])[0]?.size ?? 0);
  }
  expect(sizes[1]).toBeLessThan(sizes[0] ?? 0);
});

async function copyTo(options: MemoryRegistryOptions, settings: Readonly<Record<string, string>>, scene = nothing) {
  const target = await startMemoryRegistry(options);
  onTestFinished(() => target.stop());
  const source = `${registry.host}/travel`;
  const index = await publishIndex(registry, 'travel', '1', 'travel');
  scene(target);
  const step = await runPlugin({
    cwd: makeWorkspace(),
    host: noDaemon,
    settings: {
      push_only: true,
      source_image: `${source}:1`,
      repo: `${target.host}/app`,
      tags: '1.2.3,latest',
      ...settings,
    },
  });
  return { target, step, index };
}

function nothing(_target: MemoryRegistry): void {
  // The registry is as it began.
}

describe('verify', () => {
  it('reads nothing back when it is off, each tag by default, and all that there is in full', async () => {
    const reads = async (verify: string) => {
      const { target, step } = await copyTo({}, { verify });
      expectExit(step, 0);
      const puts = target.requests().findLastIndex(({ method }) => method === 'PUT');
      const counts = target.counts();
      return { after: target.requests().slice(puts + 1).length, blobHeads: counts['HEAD blob'] ?? 0 };
    };
    const [off, tags, full] = [await reads('off'), await reads('tags'), await reads('full')];
    expect(off.after).toBe(0);
    expect(tags.after).toBe(2);
    expect(full.blobHeads).toBeGreaterThan(tags.blobHeads);
  });
});

describe('on_partial_publish', () => {
  const old = Buffer.from('{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}');
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const oldDigest = `sha256:${createHash('sha256').update(old).digest('hex')}`;

  it.each([
    ['restore', 4, oldDigest],
    ['keep', 8, undefined],
  ] as const)('%s', async (choice, exitCode, digest) => {
    const { target, step, index } = await copyTo({}, { on_partial_publish: choice, retries: '0' }, (memory) => {
      memory.repository('app').manifests.set(oldDigest, { mediaType, bytes: old });
      memory.repository('app').tags.set('1.2.3', oldDigest);
      memory.fail({ method: 'PUT', path: /manifests\/latest$/, answer: { status: 400 } });
    });
    expectExit(step, exitCode);
    expect(target.repository('app').tags.get('1.2.3')).toBe(digest ?? index.digest);
    expect(target.repository('app').tags.has('latest')).toBe(false);
  });
});

describe('upload_chunk_size', () => {
  it('is the size of the requests that bring a layer', async () => {
    const { target, step } = await copyTo({}, { upload_chunk_size: '1k' });
    expectExit(step, 0);
    const chunks = target.requests().filter(({ method }) => method === 'PATCH');
    expect(chunks.length).toBeGreaterThan(1);
    expect(new Set(chunks.map(({ bodyBytes }) => bodyBytes))).toEqual(new Set([1024]));
  });

  it('is one request for each blob by default', async () => {
    const { target, step } = await copyTo({}, {});
    expectExit(step, 0);
    expect(target.counts()['PATCH upload']).toBeUndefined();
  });

  it('works with a real registry', async () => {
    const index = await publishIndex(registry, 'travel', '2', 'in chunks');
    const other = await startRegistry();
    onTestFinished(() => other.stop());
    const repo = `${other.host}/chunks`;
    const settings = { push_only: true, source_image: `${registry.host}/travel:2`, repo, tags: '2' };
    const step = await runPlugin({
      cwd: makeWorkspace(),
      host: noDaemon,
      settings: { ...settings, upload_chunk_size: '512' },
    });
    expectExit(step, 0);
    expect(other.take().filter(({ method }) => method === 'PATCH').length).toBeGreaterThan(1);
    expect((await readManifest({ reference: `${repo}:2` })).digest).toBe(index.digest);
  });
});

describe('timeout', () => {
  it.each(engineKinds)('ends a build on %s with exit 6, and leaves the daemon as it was', async (kind) => {
    const engine = sharedEngine(kind);
    const before = await snapshotImages(engine);
    const repo = `${registry.host}/slow/${kind}`;
    const step = await runPlugin({
      cwd: makeWorkspace({ Dockerfile: `FROM ${registry.host}/base:1\nRUN sleep 600\n` }),
      host: engine.host,
      settings: { repo, tags: '1', timeout: '8s' },
    });
    expectExit(step, 6);
    expect(step.output).toMatch(/error: settings\.timeout: the limit of 8\.0s was reached during \w+/);
    expect(step.output).toMatch(/try: raise timeout/);
    expect(step.ms).toBeLessThan(60_000);
    expect(await snapshotImages(engine)).toEqual(before);
    expect(await listTags({ reference: repo })).toEqual([]);
  });

  it('ends a copy to a registry that says nothing', async () => {
    const { step, target } = await copyTo({}, { timeout: '5s' }, (memory) => {
      memory.fail({ kind: 'manifest', method: 'PUT', answer: 'hang' });
    });
    expectExit(step, 6);
    expect(step.output).toMatch(/was reached during publish/);
    expect(target.repository('app').tags.size).toBe(0);
  });

  it('does not touch a run that is faster', async () => {
    const { step, index } = await copyTo({}, { timeout: '10m' });
    expect(step).toMatchObject({ exitCode: 0, output: expect.stringContaining(index.digest) as unknown });
  });
});
