// Builds whose files the daemon fetches itself, and builds with further contexts, on each engine. The server is a real git
// over HTTP; what skopeo pulls afterwards tells which files the build saw.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishBaseImage, startRegistryWithBase } from '../support/base-image.ts';
import { docker } from '../support/docker.ts';
import { contrastingEngineKinds } from '../support/engines.ts';
import { type GitServer, startGitServer, tarOf } from '../support/git-server.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { unpackImage } from '../support/skopeo.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

const token = 'ghs_0123456789abcdef';
let registry: TestRegistry;
let base: string;
let forge: GitServer;
let privateForge: GitServer;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
  forge = await startGitServer();
  const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
  privateForge = await startGitServer({ authorization: `basic ${basic}` });
});

afterAll(async () => {
  await forge.stop();
  await privateForge.stop();
  await registry.stop();
});

/** Copies everything but the Dockerfile's own decoration, so that the listing tells what the context was. */
const dockerfile = 'FROM scratch\nCOPY . /context/\n';
const otherDockerfile = 'FROM scratch\nCOPY . /other/\n';

describe.each(contrastingEngineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);
  let number = 0;

  async function run(
    step: Partial<PluginStep> & Pick<PluginStep, 'settings'>,
  ): Promise<PluginResult & { repo: string }> {
    number += 1;
    const repo = `${registry.host}/${kind}/remote-${number}`;
    const cwd = step.cwd ?? makeWorkspace();
    const result = await runPlugin({
      host: engine.host,
      ...step,
      cwd,
      settings: { repo, tags: '1', ...step.settings },
    });
    return { ...result, repo };
  }

  async function build(step: Partial<PluginStep> & Pick<PluginStep, 'settings'>): Promise<string> {
    const result = await run(step);
    expectExit(result, 0);
    return await unpackImage({ reference: `${result.repo}:1` }, makeTemporaryFolder());
  }

  const read = (root: string, path: string): string => readFileSync(join(root, path), 'utf8');

  it('builds a git repository, at a ref and in a folder of it', async () => {
    const address = forge.addRepository(`${kind}-app`, {
      main: { Dockerfile: dockerfile, who: 'main' },
      release: {
        'app/Dockerfile': dockerfile,
        'app/who': 'release',
        'app/deep/Dockerfile': dockerfile,
        'app/deep/who': 'deep',
      },
    });
    expect(read(await build({ settings: { context: `${address}#main` } }), 'context/who')).toBe('main');
    expect(read(await build({ settings: { context: `${address}#release:app` } }), 'context/who')).toBe('release');
    const settings = { context: `${address}#release:app`, context_sub_path: 'deep' };
    expect(read(await build({ settings }), 'context/who')).toBe('deep');
  });

  it('takes the Dockerfile out of the repository, and nothing from the workspace', async () => {
    const address = forge.addRepository(`${kind}-file`, {
      main: { 'docker/app.Dockerfile': 'FROM scratch\nCOPY who /\n', who: 'repository' },
    });
    const cwd = makeWorkspace({ 'docker/app.Dockerfile': 'FROM scratch\nCOPY who /wrong\n', who: 'workspace' });
    const root = await build({ cwd, settings: { context: `${address}#main`, dockerfile: 'docker/app.Dockerfile' } });
    expect(read(root, 'who')).toBe('repository');
  });

  it('builds an archive of the web, and a folder of it', async () => {
    const archive = tarOf({ Dockerfile: dockerfile, who: 'top', 'sub/Dockerfile': otherDockerfile, 'sub/who': 'sub' });
    const context = forge.addFile(`${kind}.tar.gz`, archive);
    expect(read(await build({ settings: { context } }), 'context/who')).toBe('top');
    expect(read(await build({ settings: { context, context_sub_path: 'sub' } }), 'other/who')).toBe('sub');
  });

  it('builds a Dockerfile of the web', async () => {
    const context = forge.addFile(`${kind}.Dockerfile`, `FROM ${base}\nRUN echo alone >/who\n`);
    expect(read(await build({ settings: { context } }), 'who')).toBe('alone\n');
  });

  it('fetches a private repository with github_token, which the log does not show', async () => {
    const context = `${privateForge.addRepository(`${kind}-private`, { main: { Dockerfile: dockerfile, who: 'x' } })}#main`;
    const refused = await run({ settings: { context } });
    expectExit(refused, 1);
    const step = await run({ settings: { context, github_token: token } });
    expectExit(step, 0);
    expect(step.output).not.toContain(token);
  });

  it('says what failed when the repository is not there', async () => {
    const step = await run({ settings: { context: `${forge.url}/${kind}-nowhere.git#main` } });
    expectExit(step, 1);
    expect(step.output).toContain(`${kind}-nowhere.git`);
  });

  it.runIf(kind !== 'docker-20.10')(
    'gives further contexts to the build: a folder, an image and a git repository',
    async () => {
      const library = forge.addRepository(`${kind}-library`, { main: { 'src/from-git': 'git' } });
      const cwd = makeWorkspace({
        Dockerfile: 'FROM library/tools\nCOPY --from=shared . /shared/\nCOPY --from=library from-git /\nCOPY mine /\n',
        mine: 'main context',
        'other/.dockerignore': 'ignored\n.dockerignore\n',
        'other/from-folder': 'folder',
        'other/ignored': 'must not be sent',
      });
      const named = [`shared=other`, `library/tools=docker-image://${base}`, `library=${library}#main:src`];
      const root = await build({ cwd, settings: { named_context: named.join('\n') } });
      expect([read(root, 'shared/from-folder'), read(root, 'from-git'), read(root, 'mine')]).toEqual([
        'folder',
        'git',
        'main context',
      ]);
      expect(existsSync(join(root, 'shared/ignored'))).toBe(false);
      expect(existsSync(join(root, 'bin/busybox'))).toBe(true);
    },
  );

  it.runIf(kind !== 'docker-20.10')(
    'asks the registry what an image of a named context is, not the daemon',
    async () => {
      const name = `${registry.host}/${kind}/poisoned:1`;
      await publishBaseImage({ reference: name });
      const poison = makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY poison /\n', poison: 'poison' });
      await docker(engine, 'build', '--tag', name, poison);
      try {
        const cwd = makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY --from=thing . /\n' });
        const root = await build({ cwd, settings: { named_context: `thing=docker-image://${name}` } });
        expect(existsSync(join(root, 'poison'))).toBe(false);
        expect(existsSync(join(root, 'bin/busybox'))).toBe(true);
      } finally {
        await docker(engine, 'rmi', '--force', name);
      }
    },
  );

  it.runIf(kind === 'docker-20.10')(
    'refuses named contexts before the build when the frontend does not know them',
    async () => {
      const cwd = makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY --from=shared . /\n', 'other/file': 'x' });
      const step = await run({ cwd, settings: { named_context: 'shared=other' } });
      expectExit(step, 2);
      expect(step.output).toContain('does not know named contexts');
      expect(step.output).not.toContain('load build definition');
    },
  );
});
