// Settings that change what a build reads or leaves, each on each engine: commands print what they find, the published
// image and the registry's own record say the rest.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistryWithBase } from '../support/base-image.ts';
import { docker } from '../support/docker.ts';
import { snapshotImages } from '../support/engine-observer.ts';
import { contrastingEngineKinds } from '../support/engines.ts';
import { stepsIn } from '../support/evidence.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, type PluginStep, runPlugin } from '../support/run-plugin.ts';
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

/** What RUN printed, without the numbers that the log puts in front. */
function printed({ output }: PluginResult): string {
  return output.replace(/^#\d+ (?:[\d.]+ )?/gm, '');
}

describe.each(contrastingEngineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);
  const run = (Dockerfile: string, settings: PluginStep['settings'], env: Readonly<Record<string, string>> = {}) =>
    runPlugin({
      cwd: makeWorkspace({ Dockerfile: `FROM ${base}\n${Dockerfile}\n` }),
      host: engine.host,
      settings: { dry_run: true, ...settings },
      env,
    });
  const repository = (name: string): string => `${registry.host}/${kind}/${name}`;

  it('passes build arguments in every spelling, and proxies in both cases', async () => {
    const names = ['ONE', 'TWO', 'THREE', 'from_env', 'FROM_ENV', 'http_proxy', 'HTTP_PROXY', 'no_proxy', 'NO_PROXY'];
    const declared = names.filter((name) => !/proxy/i.test(name)).map((name) => `ARG ${name}`);
    const values = names.map((name) => `${name}=\${${name}}`).join(' | ');
    const show = `${declared.join('\n')}\nRUN echo "values ${values}"`;
    const proxies = { http_proxy: 'http://proxy.example:3128', NO_PROXY: 'localhost,127.0.0.1,.example' };
    const map = await run(
      show,
      { build_args: '{"ONE":"1, with a comma","TWO":"2"}', build_args_from_env: 'from_env', no_cache: true },
      { from_env: 'of the step', ...proxies },
    );
    expectExit(map, 0);
    expect(printed(map)).toContain(
      'values ONE=1, with a comma | TWO=2 | THREE= | from_env=of the step | FROM_ENV=of the step | http_proxy=http://proxy.example:3128 | HTTP_PROXY=http://proxy.example:3128 | no_proxy=localhost,127.0.0.1,.example | NO_PROXY=localhost,127.0.0.1,.example',
    );
    const list = await run(show, { build_args: 'ONE=1,TWO,THREE=a\\,b', no_cache: true }, { TWO: 'two of the step' });
    expectExit(list, 0);
    expect(printed(list)).toContain('values ONE=1 | TWO=two of the step | THREE=a,b | from_env= |');
    const semicolons = { build_args: 'ONE=0', build_args_new: 'ONE=1,1;TWO=2', multiple_build_args: true };
    const separated = await run(show, { ...semicolons, no_cache: true });
    expectExit(separated, 0);
    expect(printed(separated)).toContain('values ONE=1,1 | TWO=2 | THREE= |');
  });

  it('writes labels: its own, those of label_schema and of link, and custom ones, which win', async () => {
    const repo = repository('labels');
    const labels = {
      custom_labels: ['plain=1', 'org.opencontainers.image.revision=mine'],
      label_schema: 'title=The app',
      link: 'https://git.example/octo/app',
    };
    const env = { DRONE_COMMIT_SHA: 'abc123', DRONE_REMOTE_URL: 'https://user:pw@git.example/octo/app.git' };
    const { link, ...settings } = labels;
    const step = await run('', { dry_run: false, repo, tags: '1', repo_link: link, ...settings }, env);
    expectExit(step, 0);
    expect(await readConfig({ reference: `${repo}:1` })).toMatchObject({
      config: {
        Labels: {
          plain: '1',
          'org.opencontainers.image.created': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          'org.opencontainers.image.revision': 'mine',
          'org.opencontainers.image.source': 'https://git.example/octo/app.git',
          'org.opencontainers.image.url': 'https://git.example/octo/app',
          'org.opencontainers.image.title': 'The app',
        },
      },
    });
  });

  it('builds the stage of target, and no other', async () => {
    const stages = `AS first\nRUN echo in the first\nFROM ${base} AS second\nRUN echo in the second`;
    const step = await runPlugin({
      cwd: makeWorkspace({ Dockerfile: `FROM ${base} ${stages}\n` }),
      host: engine.host,
      settings: { dry_run: true, target: 'first', no_cache: true },
    });
    expectExit(step, 0);
    expect(printed(step)).toContain('in the first');
    expect(printed(step)).not.toContain('in the second');
  });

  it('takes every step again with no_cache, and one stage with no_cache_filter', async () => {
    const Dockerfile = `FROM ${base} AS one\nRUN echo one >/1\nFROM ${base} AS two\nRUN echo two >/2\nFROM ${base}\nCOPY --from=one /1 /\nCOPY --from=two /2 /\n`;
    const cwd = makeWorkspace({ Dockerfile });
    const build = async (settings: PluginStep['settings']) => {
      const step = await runPlugin({ cwd, host: engine.host, settings: { dry_run: true, ...settings } });
      expectExit(step, 0);
      return stepsIn(step.output).filter(({ name }) => name.includes('RUN'));
    };
    await build({});
    const again = await build({});
    expect(again).toHaveLength(2);
    expect(again.filter(({ cached }) => !cached)).toEqual([]);
    expect((await build({ no_cache: true })).filter(({ cached }) => cached)).toEqual([]);
    const filtered = await build({ no_cache_filter: 'two' });
    expect(filtered.filter(({ cached }) => !cached).map(({ name }) => name)).toEqual([
      expect.stringContaining('echo two'),
    ]);
  });

  it('asks the registry what a base image is, unless pull_image is false and the daemon has that name', async () => {
    const name = `${registry.host}/${kind}/moving:1`;
    const publish = (word: string) =>
      run(`RUN echo ${word} >/word`, { dry_run: false, repo: name.slice(0, -2), tags: '1' });
    expectExit(await publish('older'), 0);
    await docker(engine, 'pull', '--quiet', name);
    try {
      expectExit(await publish('newer'), 0);
      const Dockerfile = `FROM ${name}\nRUN echo "this is $(cat /word)"\n`;
      const cwd = makeWorkspace({ Dockerfile });
      const usual = await runPlugin({ cwd, host: engine.host, settings: { dry_run: true, no_cache: true } });
      expectExit(usual, 0);
      expect(printed(usual)).toContain('this is newer');
      const settings = { dry_run: true, no_cache: true, pull_image: false };
      const local = await runPlugin({ cwd, host: engine.host, settings });
      expectExit(local, 0);
      expect(local.output).toContain('pull_image');
      expect(printed(local)).toContain(engine.store === 'graphdriver' ? 'this is older' : 'this is ');
    } finally {
      await docker(engine, 'rmi', name);
    }
  });

  it('prints results only when quiet', async () => {
    const step = await run('RUN echo noise', { quiet: true, no_cache: true });
    expectExit(step, 0);
    expect(step.output).not.toContain('noise');
    expect(step.output).not.toMatch(/^#\d/m);
    expect(step.output).toContain('nothing was published');
  });

  it('keeps cache mounts of other repositories and of pull requests apart, also when the id tries to climb out', async () => {
    // A build finds the numbers of those that it shares the mount with. (With no_cache BuildKit empties such mounts.)
    let builds = 0;
    const id = `mount-${kind}`;
    const build = async (repo: string, event: string, settings: PluginStep['settings'] = {}, mount = id) => {
      builds += 1;
      const look = `echo "found $(ls /c | tr '\\n' ' ')" && touch /c/${builds}`;
      const step = await run(`RUN --mount=type=cache,id=${mount},target=/c ${look}`, settings, {
        DRONE_REPO: repo,
        DRONE_BUILD_EVENT: event,
      });
      expectExit(step, 0);
      return /^found (.*)$/m.exec(printed(step))?.[1]?.trim();
    };
    expect(await build('octo/app', 'push')).toBe('');
    expect(await build('octo/app', 'tag')).toBe('1');
    expect(await build('octo/app', 'pull_request')).toBe('');
    expect(await build('octo/other', 'push')).toBe('');
    expect(await build('octo/evil', 'pull_request', {}, `../../octo/app/trusted/${id}`)).toBe('');
    expect(await build('octo/app', 'push', { cache_mount_ns: 'shared' })).toBe('');
    expect(await build('octo/other', 'push', { cache_mount_ns: 'shared' })).toBe('6');
    expect(await build('octo/other', 'push', { cache_mount_ns: 'octo/app/trusted' })).toBe('1 2');
    const argument = { build_args: 'BUILDKIT_CACHE_MOUNT_NS=octo/app/trusted' };
    expect(await build('octo/third', 'push', argument)).toBe('1 2 8');
  });

  it('makes the same image in every namespace of cache mounts, without a warning', async () => {
    const cwd = makeWorkspace({ Dockerfile: `FROM ${base}\nRUN --mount=type=cache,target=/c echo x >/x\n` });
    const repo = repository('namespaces');
    const settings = { repo, auto_label: false };
    for (const [tag, namespace] of [
      ['1', 'shared'],
      ['2', 'one'],
      ['3', 'two'],
    ]) {
      const step = await runPlugin({
        cwd,
        host: engine.host,
        settings: { ...settings, tags: tag ?? '', cache_mount_ns: namespace ?? '' },
      });
      expectExit(step, 0);
      expect(step.output).not.toMatch(/CACHE_MOUNT_NS|warning/i);
    }
    const configs = await Promise.all(['1', '2', '3'].map((tag) => readConfig({ reference: `${repo}:${tag}` })));
    const text = JSON.stringify(configs.map(({ config, history }) => ({ config, history })));
    expect(text).not.toContain('CACHE_MOUNT_NS');
  });

  it('loads the Dockerfile frontend that frontend or BUILDKIT_SYNTAX names', async () => {
    const repo = repository('frontend');
    const entrypoint = 'ENTRYPOINT ["sh", "-c", "env >&2; echo this is the frontend of the test >&2; exit 3"]';
    expectExit(await run(entrypoint, { dry_run: false, repo, tags: '1' }), 0);
    for (const settings of [{ frontend: `${repo}:1` }, { build_args: `BUILDKIT_SYNTAX=${repo}:1` }]) {
      registry.forget();
      const step = await run('RUN true', settings);
      expectExit(step, 1);
      expect(step.output).toMatch(/error: build failed: exit code:? 3/);
      expect(step.output).toMatch(/^#\d+ resolve image config for .*frontend:1$/m);
      expect(registry.requests().map(({ path }) => path)).toContainEqual(
        expect.stringContaining(`/${kind}/frontend/manifests/`),
      );
    }
  });

  it.runIf(engine.store === 'graphdriver')('leaves the temporary name on the daemon with purge: false', async () => {
    const before = await snapshotImages(engine);
    const repo = repository('purge');
    const step = await run('RUN echo kept >/kept', { dry_run: false, repo, tags: '1', purge: false });
    expectExit(step, 0);
    const name = /docker rmi (docker-build\.invalid\/\S+)/.exec(step.output)?.[1] ?? '';
    const inspected = await docker(engine, 'image', 'inspect', '--format', '{{.Id}}', name);
    const { document } = await readManifest({ reference: `${repo}:1` });
    expect(document).toMatchObject({ config: { digest: inspected.trim() } });
    await docker(engine, 'rmi', name);
    expect(await snapshotImages(engine)).toEqual(before);
  });
});
