// The plugin's own image: built by the plugin from our Dockerfile, on a stand-in base (no image is pulled from outside), and run
// as a runner does it: a container with the daemon's socket, the workspace as a volume, PLUGIN_* and DRONE_* in the environment.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishBaseImage } from '../support/base-image.ts';
import { docker } from '../support/docker.ts';
import { EventRecorder, imageNamesIn, snapshotImages } from '../support/engine-observer.ts';
import { type EngineAddress, engineKinds } from '../support/engines.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { environmentOf, expectExit, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readConfig, readManifest, unpackImage } from '../support/skopeo.ts';
import { makeStandingFolder, makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '..', '..');
/** What Drone adds to the settings, in short. */
const droneFacts = {
  CI: 'true',
  DRONE: 'true',
  DRONE_REPO: 'octocat/hello',
  DRONE_REPO_BRANCH: 'main',
  DRONE_COMMIT_REF: 'refs/tags/v2.1.0',
  DRONE_COMMIT_SHA: '7fd1a60b01f91b314f59955a4e4d4e80d8edf11d',
  DRONE_BUILD_EVENT: 'tag',
  DRONE_REMOTE_URL: 'https://git.example/octocat/hello.git',
  DRONE_REPO_LINK: 'https://git.example/octocat/hello',
};

let registry: TestRegistry;
let plugin: string;

beforeAll(async () => {
  registry = await startRegistry({ auth: 'open' });
  const base = `${registry.host}/node`;
  plugin = `${registry.host}/docker-build`;
  await publishBaseImage({ reference: `${registry.host}/base:1` });
  const standIn = makeStandingFolder();
  execFileSync(process.execPath, [join(root, 'scripts', 'stand-in-base.js'), standIn.path], { stdio: 'pipe' });
  const { host } = sharedEngine('docker-20.10');
  expectExit(await runPlugin({ cwd: standIn.path, host, settings: { repo: base, tags: '24' } }), 0);
  standIn.remove();
  const settings = { repo: plugin, tags: ['1', '1.0'], build_args: `BASE=${base}:24` };
  expectExit(await runPlugin({ cwd: root, host, settings }), 0);
});

afterAll(async () => {
  await Promise.allSettled(engineKinds.map((kind) => docker(sharedEngine(kind), 'rmi', `${plugin}:1`)));
  await registry.stop();
});

/** The arguments of `docker run` for a step, with nothing that a runner would not give and less than it does. */
function dockerRun(engine: EngineAddress, step: PluginStep): readonly string[] {
  const { PATH: _path, HOME: _home, ...environment } = environmentOf(step);
  return [
    'run',
    '--rm',
    '--network=host',
    '--read-only',
    '--tmpfs=/tmp',
    '--cap-drop=ALL',
    '--security-opt=no-new-privileges',
    `--volume=${engine.socket}:/var/run/docker.sock`,
    `--volume=${step.cwd}:/drone/src`,
    '--workdir=/drone/src',
    ...Object.entries(environment).map(([name, value]) => `--env=${name}=${value}`),
    `${plugin}:1`,
  ];
}

it('holds Node, the bundle and the licence, and no node_modules', async () => {
  const files = await unpackImage({ reference: `${plugin}:1.0` }, makeTemporaryFolder());
  expect(readdirSync(join(files, 'opt')).sort()).toEqual(['docker-build']);
  expect(existsSync(join(files, 'opt/docker-build/main.js'))).toBe(true);
  expect(existsSync(join(files, 'opt/docker-build/LICENSE'))).toBe(true);
  const everything = readdirSync(files, { recursive: true, encoding: 'utf8' });
  expect(everything.filter((path) => /(^|\/)(node_modules|src|test|package\.json)(\/|$)/.test(path))).toEqual([]);
  expect(await readConfig({ reference: `${plugin}:1` })).toMatchObject({
    config: { Entrypoint: ['node', '/opt/docker-build/main.js'] },
  });
});

describe.each(engineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);

  it('builds and publishes from a container with the mounted socket', async () => {
    await docker(engine, 'pull', '--quiet', `${plugin}:1`);
    const before = await snapshotImages(engine);
    const events = await EventRecorder.start(engine);
    const repo = `${registry.host}/${kind}/from-container`;
    const cwd = makeWorkspace({
      Dockerfile: `FROM ${registry.host}/base:1\nCOPY greeting.txt /\nRUN cat /greeting.txt >/copy.txt\n`,
      'greeting.txt': `hello from ${kind}\n`,
    });
    const settings = { repo, auto_tag: true };
    const log = await docker(engine, ...dockerRun(engine, { cwd, settings, env: droneFacts }));
    expect(await listTags({ reference: repo })).toEqual(['2', '2.1', '2.1.0']);
    expect(log).toContain((await readManifest({ reference: `${repo}:2.1` })).digest);
    const files = await unpackImage({ reference: `${repo}:2` }, makeTemporaryFolder());
    expect(readFileSync(join(files, 'copy.txt'), 'utf8')).toBe(`hello from ${kind}\n`);
    expect(await readConfig({ reference: `${repo}:2` })).toMatchObject({
      config: { Labels: { 'org.opencontainers.image.revision': droneFacts.DRONE_COMMIT_SHA } },
    });
    expect(await snapshotImages(engine)).toEqual(before);
    const names = imageNamesIn(await events.stop());
    expect(names.filter((name) => !name.startsWith('docker-build.invalid/') && name !== `${plugin}:1`)).toEqual([]);
  });

  it('ends within 3 s when the container is stopped, as process 1', async () => {
    const Dockerfile = `FROM ${registry.host}/base:1\nRUN echo has begun; sleep 300\n`;
    const settings = { repo: `${registry.host}/${kind}/stopped`, tags: '1', no_cache: true };
    const name = `docker-build-test-${kind}`;
    const [command, ...rest] = dockerRun(engine, { cwd: makeWorkspace({ Dockerfile }), settings });
    const container = spawn(engine.dockerCli, [command ?? '', `--name=${name}`, ...rest], { env: engine.env });
    const ended = once(container, 'exit');
    let log = '';
    await new Promise<void>((resolve) => {
      container.stdout.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (log.includes('has begun')) resolve();
      });
      container.once('exit', () => resolve());
    });
    const begun = performance.now();
    await docker(engine, 'stop', '--time=20', name);
    const [code]: unknown[] = await ended;
    expect(log).toContain('has begun');
    expect(code).toBe(143);
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});
