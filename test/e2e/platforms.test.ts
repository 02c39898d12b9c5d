// Several platforms in one image: needs the containerd image store; the others say so before any work.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { snapshotImages } from '../support/engine-observer.ts';
import type { EngineKind } from '../support/engines.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readManifest, unpackImage } from '../support/skopeo.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry({ auth: 'open' });
});

afterAll(async () => {
  await registry.stop();
});

const files = {
  Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY ${TARGETARCH}.txt /which.txt\nCOPY common.txt /\n',
  'amd64.txt': 'this is amd64\n',
  'arm64.txt': 'this is arm64\n',
  'common.txt': 'for both\n',
};
const platforms = ['linux/amd64', 'linux/arm64'];

it('publishes an index of two platforms from the containerd image store', async () => {
  const engine = sharedEngine('docker-26.1-containerd');
  const before = await snapshotImages(engine);
  const repo = `${registry.host}/two/platforms`;
  const settings = { repo, tags: ['1', 'latest'], platform: platforms };
  const step = await runPlugin({ cwd: makeWorkspace(files), host: engine.host, settings });
  expectExit(step, 0);
  expect(await snapshotImages(engine)).toEqual(before);

  const [one, latest] = await Promise.all([
    readManifest({ reference: `${repo}:1` }),
    readManifest({ reference: `${repo}:latest` }),
  ]);
  expect(latest.digest).toBe(one.digest);
  expect(step.output).toContain(one.digest);
  const manifests = one.document['manifests'] as readonly { platform: { os: string; architecture: string } }[];
  expect(manifests.map(({ platform }) => `${platform.os}/${platform.architecture}`).sort()).toEqual(platforms);
  for (const platform of platforms) {
    const root = await unpackImage({ reference: `${repo}:1` }, join(makeTemporaryFolder(), 'out'), platform);
    expect(readFileSync(join(root, 'which.txt'), 'utf8')).toBe(`this is ${platform.split('/')[1]}\n`);
    expect(readFileSync(join(root, 'common.txt'), 'utf8')).toBe('for both\n');
  }
});

describe.each<EngineKind>(['docker-20.10', 'docker-26.1-graphdriver'])('%s', (kind) => {
  it('refuses two platforms before any work, naming what it would take', async () => {
    const engine = sharedEngine(kind);
    const repo = `${registry.host}/${kind}/platforms`;
    const settings = { repo, tags: '1', platform: platforms };
    const step = await runPlugin({ cwd: makeWorkspace(files), host: engine.host, settings });
    expectExit(step, 2);
    expect(step.output).toMatch(/error: .*platform/);
    expect(step.output).toMatch(/containerd/);
    expect(step.output).not.toMatch(/^#1 /m);
    expect(await listTags({ reference: repo })).toEqual([]);
  });

  it('builds a single foreign platform', async () => {
    const engine = sharedEngine(kind);
    const repo = `${registry.host}/${kind}/foreign`;
    const settings = { repo, tags: '1', platform: 'linux/arm64' };
    const step = await runPlugin({ cwd: makeWorkspace(files), host: engine.host, settings });
    expectExit(step, 0);
    const root = await unpackImage({ reference: `${repo}:1` }, makeTemporaryFolder(), 'linux/arm64');
    expect(readFileSync(join(root, 'which.txt'), 'utf8')).toBe('this is arm64\n');
  });
});
