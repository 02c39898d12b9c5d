// Runs the examples as they are written: the environment that their runner would give each step, with the names of the example's
// registry and daemon replaced by those of the test.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishBaseImage } from '../support/base-image.ts';
import { snapshotImages } from '../support/engine-observer.ts';
import { type Engine, type EngineAddress, startEngine } from '../support/engines.ts';
import { folderOf, type PipelineExample, pipelineExample, stepsOf } from '../support/examples.ts';
import { type PluginSpec, stepEnvironment } from '../support/pipeline-env.ts';
import { registryUsers, startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readManifest, unpackImage } from '../support/skopeo.ts';
import { makeTemporaryFolder } from '../support/workspace.ts';

const login = { username: 'builder', password: registryUsers.builder.password };
const apiToken = 'a token of 27 characters...';

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry({ auth: 'htpasswd' });
  await publishBaseImage({ reference: baseImage(), login });
});

afterAll(async () => {
  await registry.stop();
});

function baseImage(): string {
  return `${registry.host}/base:1`;
}

function onlyStep(example: PipelineExample): PluginSpec {
  const [step, ...others] = stepsOf(example);
  if (step === undefined || others.length > 0) throw new Error(`${example.name} has not exactly one plugin step`);
  return step;
}

/** The base of the example's Dockerfile comes from the test registry, in the form in which the example gives its arguments. */
function withBase(step: PluginSpec): PluginSpec {
  const given = step.settings['build_args'];
  const args = Array.isArray(given)
    ? [...(given as unknown[]), `BASE=${baseImage()}`]
    : { ...(given as object), BASE: baseImage() };
  return { ...step, settings: { ...step.settings, build_args: args } };
}

interface Run {
  readonly example: PipelineExample;
  readonly step: PluginSpec;
  readonly engine: EngineAddress;
  /** What the runner's machine gives the step besides: DOCKER_HOST, other facts. */
  readonly env?: Readonly<Record<string, string>>;
}

async function run({ example, step, engine, env = {} }: Run): Promise<PluginResult> {
  const certificate = (name: string): string =>
    engine.certPath === undefined ? '' : readFileSync(join(engine.certPath, name), 'utf8');
  const variables = stepEnvironment(step, example.runner, {
    registry_username: login.username,
    registry_password: login.password,
    api_token: apiToken,
    docker_ca: certificate('ca.pem'),
    docker_cert: certificate('cert.pem'),
    docker_key: certificate('key.pem'),
  });
  const local = Object.entries(variables).map(([name, value]) => [name, localNames(value, example, engine)]);
  return await runPlugin({
    cwd: folderOf(example),
    settings: {},
    env: { ...example.facts, ...Object.fromEntries(local), ...env },
  });
}

function localNames(text: string, example: PipelineExample, engine: EngineAddress): string {
  return text
    .replaceAll('registry.example.com/team/', `${registry.host}/${example.name}/`)
    .replaceAll('registry.example.com', registry.host)
    .replace(/tcp:\/\/builder\.example\.com:\d+/, engine.tcpHost ?? '')
    .replace(/^\/certificates$/, engine.certPath ?? '');
}

async function publishedFile(repository: string, tag: string, path: string): Promise<string> {
  const root = await unpackImage({ reference: `${registry.host}/${repository}:${tag}`, login }, makeTemporaryFolder());
  return readFileSync(join(root, path), 'utf8');
}

function tagsOf(repository: string): Promise<readonly string[]> {
  return listTags({ reference: `${registry.host}/${repository}`, login });
}

it('plain: publishes the page under both tags and leaves the daemon as it was', async () => {
  const engine = sharedEngine('docker-20.10');
  const before = await snapshotImages(engine);
  const example = pipelineExample('plain');
  const env = { DOCKER_HOST: engine.host };
  const result = await run({ example, step: withBase(onlyStep(example)), engine, env });
  expectExit(result, 0);
  expect(await tagsOf('plain/greeter')).toEqual(['build-7', 'latest']);
  expect(await publishedFile('plain/greeter', 'build-7', 'site/index.html')).toContain('Good morning, world');
  expect(await snapshotImages(engine)).toEqual(before);
});

it('woodpecker: publishes a page made with the secret, and not the secret', async () => {
  const engine = sharedEngine('docker-26.1-containerd');
  const example = pipelineExample('woodpecker');
  const env = { DOCKER_HOST: engine.host };
  const result = await run({ example, step: withBase(onlyStep(example)), engine, env });
  expectExit(result, 0);
  expect(result.output).not.toContain(apiToken);
  expect(await tagsOf('woodpecker/greeter')).toEqual(['build-7', 'latest']);
  expect(await publishedFile('woodpecker/greeter', 'latest', 'site/index.html')).toContain(
    `Good morning, good evening, world (${apiToken.length} characters)`,
  );
});

it('auto-tag: publishes a version, then the default branch, and builds nothing for another branch', async () => {
  const engine = sharedEngine('docker-26.1-graphdriver');
  const example = pipelineExample('auto-tag');
  const step = onlyStep(example);
  const build = (ref: string): Promise<PluginResult> =>
    run({ example, step, engine, env: { DOCKER_HOST: engine.host, DRONE_COMMIT_REF: ref } });

  expectExit(await build('refs/tags/v1.4.2'), 0);
  expect(await tagsOf('auto-tag/site')).toEqual(['1', '1.4', '1.4.2']);
  expectExit(await build('refs/heads/main'), 0);
  expect(await tagsOf('auto-tag/site')).toEqual(['1', '1.4', '1.4.2', 'latest']);
  expect(await publishedFile('auto-tag/site', 'latest', 'site/index.html')).toContain('One version of many');

  registry.take();
  const other = await build('refs/heads/feature');
  expectExit(other, 0);
  expect(other.output).toContain('nothing to do');
  expect(registry.take()).toEqual([]);
});

it('promote: publishes what was built before, under its release names and with its digest', async () => {
  const engine = sharedEngine('docker-26.1-containerd');
  const example = pipelineExample('promote');
  const [build, promote, ...others] = stepsOf(example);
  if (build === undefined || promote === undefined || others.length > 0) throw new Error('two steps were expected');
  const first = await run({ example, step: withBase(build), engine, env: { DOCKER_HOST: engine.host } });
  expectExit(first, 0);
  expect(await tagsOf('promote/greeter')).toEqual([]);
  const second = await run({ example, step: promote, engine, env: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
  expectExit(second, 0);
  expect(await tagsOf('promote/greeter')).toEqual(['8f51ad78', 'latest']);
  expect(await publishedFile('promote/greeter', 'latest', 'site/index.html')).toContain('Hello, world');
  const digests = ['greeter-candidates:build-7', 'greeter:latest'].map(
    async (name) => (await readManifest({ reference: `${registry.host}/promote/${name}`, login })).digest,
  );
  expect(new Set(await Promise.all(digests)).size).toBe(1);
});

describe('daemons on the network', () => {
  let plain: Engine;
  let tls: Engine;

  beforeAll(async () => {
    [plain, tls] = await Promise.all([
      startEngine('docker-26.1-graphdriver', { tcp: 'plain' }),
      startEngine('docker-26.1-containerd', { tcp: 'tls' }),
    ]);
  });

  afterAll(async () => {
    await Promise.all([plain.stop(), tls.stop()]);
  });

  it('tcp-daemon: builds on the daemon that the setting names', async () => {
    const example = pipelineExample('tcp-daemon');
    const step = onlyStep(example);
    expectExit(await run({ example, step, engine: plain }), 0);
    expect(await publishedFile('tcp-daemon/site', 'latest', 'site/index.html')).toContain('Built on another machine');
  });

  it.each(stepsOf(pipelineExample('tls-daemon')).map((step, index) => [index + 1, step] as const))(
    'tls-daemon: builds with the certificates of pipeline %i',
    async (_, step) => {
      expectExit(await run({ example: pipelineExample('tls-daemon'), step, engine: tls }), 0);
      expect(await publishedFile('tls-daemon/site', 'latest', 'site/index.html')).toContain('Built behind TLS');
    },
  );
});
