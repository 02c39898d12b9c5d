// Equal inputs give equal digests: the time of the commit stands for "now", and where the daemon makes the manifest, files
// get that time too. Two engines of a kind that never met would agree; here one engine builds twice without its cache.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistryWithBase } from '../support/base-image.ts';
import { contrastingEngineKinds } from '../support/engines.ts';
import { commitAll, git } from '../support/git-server.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { readConfig, readManifest } from '../support/skopeo.ts';
import { makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
});

afterAll(async () => {
  await registry.stop();
});

const date = '2024-02-03T04:05:06Z';

describe.each(contrastingEngineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);

  function makeRepository(): string {
    const folder = makeWorkspace({ Dockerfile: `FROM ${base}\nCOPY file /\nRUN echo made >/made\n`, file: 'x' });
    git(folder, ['init', '--quiet', '--initial-branch=main']);
    commitAll(folder, date);
    return folder;
  }

  async function build(
    name: string,
    settings: Readonly<Record<string, boolean | string>>,
  ): Promise<PluginResult & { reference: string }> {
    const repo = `${registry.host}/${kind}/${name}`;
    const cwd = makeRepository();
    const step = await runPlugin({
      cwd,
      host: engine.host,
      settings: { repo, tags: '1', no_cache: true, ...settings },
    });
    expectExit(step, 0);
    return { ...step, reference: `${repo}:1` };
  }

  it('takes the times of the image from the commit', async () => {
    const { reference } = await build('commit', { source_date_epoch: 'commit' });
    const config = await readConfig({ reference });
    expect(config).toMatchObject({
      config: { Labels: { 'org.opencontainers.image.created': date } },
    });
    // 20.10 knows nothing of the time in the image itself.
    const isDated = config['created'] === date;
    expect(isDated).toBe(kind !== 'docker-20.10');
  });

  it('gives one digest to two builds where the daemon rewrites times, and a warning elsewhere', async () => {
    const first = await build('reproducible', { reproducible: true });
    const digest = (await readManifest({ reference: first.reference })).digest;
    const second = await build('reproducible', { reproducible: true });
    const isSame = (await readManifest({ reference: second.reference })).digest === digest;
    const isWarned = second.output.includes('settings.reproducible: times of files stay as they are');
    expect({ isSame, isWarned }).toEqual(
      engine.store === 'containerd' ? { isSame: true, isWarned: false } : { isSame: false, isWarned: true },
    );
  });
});
