// Caches beside the daemon's own: what one engine has written, an engine that has never built anything takes its steps from.
// The registry asks for logins, so that it is also seen who may write where.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishBaseImage } from '../support/base-image.ts';
import { type Engine, engineKinds, startEngine } from '../support/engines.ts';
import { stepsIn } from '../support/evidence.ts';
import { registryUsers, startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readManifest } from '../support/skopeo.ts';
import { makeWorkspace } from '../support/workspace.ts';

const login = { username: 'builder', password: registryUsers.builder.password };

let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  registry = await startRegistry({ auth: 'token' });
  base = `${registry.host}/base:1`;
  await publishBaseImage({ reference: base, login });
});

afterAll(async () => {
  await registry.stop();
});

/** A project of two steps that nobody has built before. */
function makeProject(): string {
  const word = Math.random().toString(36).slice(2);
  return makeWorkspace({ Dockerfile: `FROM ${base}\nRUN echo ${word} >/one\nRUN echo two >/two\n` });
}

function build(cwd: string, host: string, settings: PluginStep['settings']) {
  return runPlugin({
    cwd,
    host,
    settings: { registry: registry.host, ...login, auto_label: false, tags: '1', ...settings },
  });
}

function cachedIn(output: string): readonly boolean[] {
  return stepsIn(output).map(({ cached }) => cached);
}

const containerd = sharedEngine('docker-26.1-containerd');

describe.each(engineKinds)('a fresh %s', (kind) => {
  let fresh: Engine;

  beforeAll(async () => {
    fresh = await startEngine(kind);
  });

  afterAll(async () => {
    await fresh.stop();
  });

  it('takes the steps of an image that holds its own cache', async () => {
    const cwd = makeProject();
    const repo = `${registry.host}/${kind}/inline`;
    const written = await build(cwd, sharedEngine(kind).host, { repo, cache_to: 'type=inline' });
    expectExit(written, 0);
    const read = await build(cwd, fresh.host, { repo: `${repo}-2`, cache_from: `${repo}:1` });
    expectExit(read, 0);
    expect(cachedIn(read.output)).toEqual([true, true]);
  });

  // 20.10 reads such caches, but makes other steps of the same Dockerfile than the engine that can write them.
  it.skipIf(kind === 'docker-20.10')('takes the steps of a cache in a registry', async () => {
    const cwd = makeProject();
    const cache = `${registry.host}/${kind}/cache:main`;
    const written = await build(cwd, containerd.host, {
      repo: `${registry.host}/${kind}/registry`,
      cache_to: `type=registry,ref=${cache},mode=max`,
    });
    expectExit(written, 0);
    const read = await build(cwd, fresh.host, { dry_run: true, cache_from: `type=registry,ref=${cache}` });
    expectExit(read, 0);
    expect(cachedIn(read.output)).toEqual([true, true]);
  });

  // As above: only an engine of the same generation makes the same steps.
  it.skipIf(kind === 'docker-20.10')('takes the steps of a cache in a folder', async () => {
    const cwd = makeProject();
    const cache_to = 'type=local,dest=.cache/layers,mode=max';
    const cache_from = 'type=local,src=.cache/layers';
    const repo = `${registry.host}/${kind}/local`;
    const written = await build(cwd, containerd.host, { repo, cache_to, cache_from });
    expectExit(written, 0);
    expect(written.output).toContain('no cache yet in');
    const again = await build(cwd, containerd.host, { repo, cache_to, cache_from });
    expectExit(again, 0);
    const index = JSON.parse(readFileSync(join(cwd, '.cache/layers/index.json'), 'utf8')) as { manifests: unknown[] };
    expect(index.manifests).toHaveLength(1);
    expect(readdirSync(join(cwd, '.cache/layers/ingest'))).toEqual([]);
    const read = await build(cwd, fresh.host, { dry_run: true, cache_from });
    expectExit(read, 0);
    expect(cachedIn(read.output)).toEqual([true, true]);
  });

  it('builds without a cache that does not exist, and says so', async () => {
    const missing = `${registry.host}/${kind}/never:1`;
    const read = await build(makeProject(), fresh.host, { dry_run: true, cache_from: missing });
    expectExit(read, 0);
    expect(read.output).toMatch(/^#\d+ SKIPPED: .*never:1: not found$/m);
    expect(read.output).not.toMatch(/ERROR/);
    expect(cachedIn(read.output)).toEqual([false, false]);
  });
});

describe('the containerd image store', () => {
  it('writes an inline cache that a graph driver reads', async () => {
    const graph = await startEngine('docker-26.1-graphdriver');
    try {
      const cwd = makeProject();
      const repo = `${registry.host}/across/one`;
      expectExit(await build(cwd, containerd.host, { repo, cache_to: 'type=inline' }), 0);
      const read = await build(cwd, graph.host, { dry_run: true, cache_from: `${repo}:1` });
      expectExit(read, 0);
      expect(cachedIn(read.output)).toEqual([true, true]);
    } finally {
      await graph.stop();
    }
  });

  it('reads and writes each of cache_images, and asks to push there and nowhere else', async () => {
    const cwd = makeProject();
    const repo = `${registry.host}/images/app`;
    const images = [`${registry.host}/images/cache:a`, `${registry.host}/images/other:b`];
    registry.takeTokenRequests();
    const written = await build(cwd, containerd.host, { repo, cache_images: images });
    expectExit(written, 0);
    const { document } = await readManifest({ reference: images[0] ?? '', login });
    expect(document).toMatchObject({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.buildkit.cacheconfig.v0' },
    });
    expect(await listTags({ reference: `${registry.host}/images/other`, login })).toEqual(['b']);
    const pushed = registry.takeTokenRequests().flatMap(({ scopes }) => scopes.filter((scope) => /push/.test(scope)));
    expect(new Set(pushed.map((scope) => scope.split(':')[1]))).toEqual(
      new Set(['images/app', 'images/cache', 'images/other']),
    );
  });

  it('keeps the cache of kaniko’s settings under a tag of its own', async () => {
    const repo = `${registry.host}/kaniko/app`;
    const settings = { repo, enable_cache: true, cache_repo: `${registry.host}/kaniko/cache` };
    expectExit(await build(makeProject(), containerd.host, settings), 0);
    expect(await listTags({ reference: `${registry.host}/kaniko/cache`, login })).toEqual(['buildcache']);
  });

  it('publishes although the cache cannot be written, unless that is forbidden', async () => {
    const nowhere = 'type=registry,ref=127.0.0.1:1/nowhere:1';
    const repo = `${registry.host}/unwritten/app`;
    const ignored = await build(makeProject(), containerd.host, { repo, cache_to: nowhere });
    expectExit(ignored, 0);
    expect(await listTags({ reference: repo, login })).toEqual(['1']);
    const strict = await build(makeProject(), containerd.host, {
      repo,
      tags: '2',
      cache_to: `${nowhere},ignore-error=false`,
    });
    expectExit(strict, 1);
    expect(strict.output).toContain('exporting cache to registry');
    expect(await listTags({ reference: repo, login })).toEqual(['1']);
  });

  it('writes no cache in a dry run', async () => {
    const cache = `${registry.host}/dry/cache:1`;
    const step = await build(makeProject(), containerd.host, { dry_run: true, cache_images: cache });
    expectExit(step, 0);
    expect(step.output).toMatch(/warning: .*cache_to/);
    expect(await listTags({ reference: `${registry.host}/dry/cache`, login })).toEqual([]);
  });
});

describe.each(['docker-20.10', 'docker-26.1-graphdriver'] as const)('%s', (kind) => {
  const host = sharedEngine(kind).host;
  const cache_to = (): string => `type=registry,ref=${registry.host}/${kind}/never-written:1`;

  it('leaves out a cache that it cannot write, says how it could, and makes no inline cache instead', async () => {
    const cwd = makeProject();
    const repo = `${registry.host}/${kind}/left-out`;
    const step = await build(cwd, host, { repo, cache_to: cache_to(), cache_from: 'type=s3,bucket=b' });
    expectExit(step, 0);
    expect(step.output).toMatch(/warning: settings\.cache_to: type=registry .*containerd-snapshotter/);
    expect(step.output).toMatch(/warning: settings\.cache_from: type=s3 .*left out/);
    const without = await build(cwd, host, { repo, tags: '2' });
    expectExit(without, 0);
    const [one, two] = await Promise.all(['1', '2'].map((tag) => readManifest({ reference: `${repo}:${tag}`, login })));
    expect(one?.digest).toBe(two?.digest);
  });

  it('does not build when that cache is required', async () => {
    const step = await build(makeProject(), host, {
      repo: `${registry.host}/${kind}/required`,
      cache_to: `${cache_to()},ignore-error=false`,
    });
    expectExit(step, 2);
    expect(step.output).toMatch(/error: settings\.cache_to: type=registry .*ignore-error=false/);
    expect(step.output).not.toMatch(/^#1 /m);
  });
});
