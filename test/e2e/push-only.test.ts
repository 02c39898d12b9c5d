// push_only: an image that exists is published without a build, from a registry (no daemon anywhere), from each kind of daemon,
// and from archives. The bytes in the target and the requests that it got are the witnesses.
import { execFile } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { docker } from '../support/docker.ts';
import { EventRecorder, imageNamesIn, snapshotImages } from '../support/engine-observer.ts';
import { type EngineAddress, engineKinds } from '../support/engines.ts';
import { uploadedBlobsIn } from '../support/recording-proxy.ts';
import { registryUsers, startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readManifest, unpackImage } from '../support/skopeo.ts';
import { publishIndex } from '../support/two-platforms.ts';
import { addFiles, makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

const execute = promisify(execFile);
/** Nothing listens there: a step that asks a daemon for anything fails. */
const noDaemon = 'unix:///nonexistent/docker.sock';

let source: TestRegistry;
let target: TestRegistry;
beforeAll(async () => {
  source = await startRegistry();
  target = await startRegistry();
});
afterAll(async () => {
  await source.stop();
  await target.stop();
});
beforeEach(() => {
  source.forget();
  target.forget();
});

/** A workspace without a Dockerfile, and a step in it. */
function copy(settings: Readonly<Record<string, string | readonly string[]>>, host = noDaemon): Promise<PluginResult> {
  return runPlugin({
    cwd: makeWorkspace(),
    settings: { push_only: 'true', daemon_retry_count: '0', ...settings },
    host,
  });
}

describe('an index in a registry', () => {
  it('arrives in another registry with the same digest, children and attestation, without any daemon', async () => {
    const index = await publishIndex(source, 'team/app', '1.0', 'first');
    source.forget();
    const repo = `${target.host}/prod/app`;
    const step = await copy({ repo, tags: ['1.0', 'latest'], source_image: `${source.host}/team/app:1.0` });
    expectExit(step, 0);
    for (const tag of ['1.0', 'latest']) {
      expect((await readManifest({ reference: `${repo}:${tag}` })).digest).toBe(index.digest);
    }
    for (const child of index.children) {
      expect((await readManifest({ reference: `${repo}@${child}` })).digest).toBe(child);
    }
    expect([...uploadedBlobsIn(target.take())].sort()).toEqual(index.blobs);
    expect(step.output).toContain(`source ${source.host}/team/app:1.0@${index.digest}`);
    expect(source.take().filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
  });

  it('moves no blob that the target has', async () => {
    const index = await publishIndex(source, 'team/app', '2.0', 'second');
    const settings = { repo: `${target.host}/prod/again`, source_image: `${source.host}/team/app@${index.digest}` };
    expectExit(await copy({ ...settings, tags: '2.0' }), 0);
    target.forget();
    source.forget();
    const step = await copy({ ...settings, tags: 'stable' });
    expectExit(step, 0);
    expect(uploadedBlobsIn(target.take())).toEqual([]);
    expect(source.take().filter(({ path }) => path.includes('/blobs/'))).toEqual([]);
    expect((await readManifest({ reference: `${target.host}/prod/again:stable` })).digest).toBe(index.digest);
    expect(step.output).toMatch(/nothing to upload/);
  });

  it('is mounted inside of its registry, and streamed to the other one once', async () => {
    const index = await publishIndex(source, 'team/app', '3.0', 'third');
    source.forget();
    const repo = [`${source.host}/prod/app`, `${target.host}/one/app`, `${target.host}/two/app`];
    const step = await copy({ repo, tags: '3.0', source_image: `${source.host}/team/app:3.0` });
    expectExit(step, 0);
    for (const name of repo) expect((await readManifest({ reference: `${name}:3.0` })).digest).toBe(index.digest);
    expect(uploadedBlobsIn(source.take())).toEqual([]);
    expect([...uploadedBlobsIn(target.take())].sort()).toEqual(index.blobs);
  });

  it('is copied from the first repository and tag to the others when there is no source_image', async () => {
    const index = await publishIndex(source, 'team/first', '4.0', 'fourth');
    const repo = [`${source.host}/team/first`, `${target.host}/team/first`];
    expectExit(await copy({ repo, tags: ['4.0', '4'] }), 0);
    expect(await listTags({ reference: repo[0] ?? '' })).toEqual(['4', '4.0']);
    expect((await readManifest({ reference: `${repo[1]}:4` })).digest).toBe(index.digest);
  });

  it('is read with one login and published with another', async () => {
    const locked = await startRegistry({ auth: 'token' });
    onTestFinished(() => locked.stop());
    const index = await publishIndex(source, 'team/app', '5.0', 'fifth');
    const { builder } = registryUsers;
    const login = { registry: locked.host, username: 'builder', password: builder.password };
    const repo = `${locked.host}/prod/app`;
    const step = await copy({ repo, tags: '5.0', source_image: `${source.host}/team/app:5.0`, ...login });
    expectExit(step, 0);
    // Inside of it, a mount needs the right to read the one and to write the other.
    const settings = { repo: `${locked.host}/prod/copy`, tags: '5.0', source_image: `${repo}:5.0`, ...login };
    locked.forget();
    expectExit(await copy(settings), 0);
    expect(uploadedBlobsIn(locked.take())).toEqual([]);
    const reference = `${locked.host}/prod/copy:5.0`;
    const reader = { username: 'builder', password: builder.password };
    expect((await readManifest({ reference, login: reader })).digest).toBe(index.digest);
  });
});

describe('a source that is no good', () => {
  it('fails with exit 2 and names the side when it does not exist', async () => {
    const repo = `${target.host}/prod/none`;
    const step = await copy({ repo, tags: '1', source_image: `${source.host}/team/none:1` });
    expectExit(step, 2);
    expect(step.output).toContain(`source ${source.host}/team/none:1 does not exist in its registry`);
    expect(await listTags({ reference: repo })).toEqual([]);
  });

  it('fails with exit 7, and leaves the target alone, when its registry sends other bytes', async () => {
    const index = await publishIndex(source, 'team/broken', '1', 'broken');
    const [blob = ''] = index.blobs.slice(-1);
    const hex = blob.slice('sha256:'.length);
    const file = join(source.storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    const bytes = readFileSync(file);
    writeFileSync(file, Buffer.alloc(bytes.length, 'x'));
    const repo = `${target.host}/prod/broken`;
    const step = await copy({ repo, tags: '1', source_image: `${source.host}/team/broken:1` });
    expectExit(step, 7);
    expect(step.output).toMatch(/error: source: /);
    expect(await listTags({ reference: repo })).toEqual([]);
  });
});

/** An image of two layers under a name that other steps could use, until the test is over. */
async function localImage(engine: EngineAddress, name: string): Promise<void> {
  const folder = makeTemporaryFolder();
  const files = { one: randomBytes(300_000), two: 'two\n' };
  addFiles(folder, { ...files, Dockerfile: 'FROM scratch\nCOPY one /one\nCOPY two /two\nCMD ["/one"]\n' });
  await docker(engine, 'build', '--quiet', '--tag', name, folder);
  onTestFinished(async () => void (await docker(engine, 'rmi', name)));
}

describe.each(engineKinds)('an image in %s', (kind) => {
  const engine = sharedEngine(kind);

  it('is published when source_from says so, and the daemon is afterwards as it was', async () => {
    const name = `local-${randomUUID()}:dev`;
    await localImage(engine, name);
    const before = await snapshotImages(engine);
    const recorder = await EventRecorder.start(engine);
    const repo = [`${target.host}/${kind}/local`, `${source.host}/${kind}/local`];
    const step = await copy({ repo, tags: ['1', 'latest'], source_image: name, source_from: 'daemon' }, engine.host);
    expectExit(step, 0);
    const root = await unpackImage({ reference: `${repo[0]}:1` }, makeTemporaryFolder());
    expect(readFileSync(join(root, 'two'), 'utf8')).toBe('two\n');
    const digests = await Promise.all(
      repo.map(async (path) => (await readManifest({ reference: `${path}:latest` })).digest),
    );
    expect(new Set(digests).size).toBe(1);
    expect(step.output).toContain(digests[0]);
    expect(await snapshotImages(engine)).toEqual(before);
    expect(imageNamesIn(await recorder.stop()).filter((seen) => !seen.includes(name.split(':')[0] ?? ''))).toEqual([]);
  });

  it('is found by its id', async () => {
    const name = `local-${randomUUID()}:dev`;
    await localImage(engine, name);
    const id = (await docker(engine, 'image', 'inspect', '--format', '{{.Id}}', name)).trim();
    const repo = `${target.host}/${kind}/by-id`;
    expectExit(await copy({ repo, tags: '1', source_image: id }, engine.host), 0);
    expect(await listTags({ reference: repo })).toEqual(['1']);
  });

  it('is never taken for one in a registry: the failure says how to ask for it', async () => {
    const name = `${source.host}/local-${randomUUID()}:dev`;
    await localImage(engine, name);
    const step = await copy({ repo: `${target.host}/x`, tags: '1', source_image: name }, engine.host);
    expectExit(step, 2);
    expect(step.output).toMatch(/the daemon has an image of that name/);
    expect(step.output).toMatch(/try: source_from: daemon/);
  });

  it('that is not there fails with exit 2', async () => {
    const settings = { repo: `${target.host}/x`, tags: '1', source_image: 'nobody/made:this', source_from: 'daemon' };
    const step = await copy(settings, engine.host);
    expectExit(step, 2);
    expect(step.output).toMatch(/source nobody\/made:this is not in the daemon/);
  });

  it('is published from what docker save wrote, gzipped or not', async () => {
    const name = `local-${randomUUID()}:dev`;
    await localImage(engine, name);
    const folder = makeWorkspace();
    await docker(engine, 'save', '--output', join(folder, 'image.tar'), name);
    await execute('gzip', ['--keep', '--fast', join(folder, 'image.tar')]);
    const digests: string[] = [];
    for (const file of ['image.tar', 'image.tar.gz']) {
      const repo = `${target.host}/${kind}/saved`;
      const settings = { push_only: true, repo, tags: '1', source_tar_path: file };
      const step = await runPlugin({ cwd: folder, settings, host: noDaemon });
      expectExit(step, 0);
      digests.push((await readManifest({ reference: `${repo}:1` })).digest);
      // None of its layers is a bare tar.
      const { document } = await readManifest({ reference: `${repo}:1` });
      expect(JSON.stringify(document)).not.toMatch(/\.tar"/);
    }
    expect(new Set(digests).size).toBe(1);
    const root = await unpackImage({ reference: `${target.host}/${kind}/saved:1` }, makeTemporaryFolder());
    expect(readFileSync(join(root, 'two'), 'utf8')).toBe('two\n');
  });
});

it('an index of which a containerd daemon has one platform is published as that one image', async () => {
  const engine = sharedEngine('docker-26.1-containerd');
  const index = await publishIndex(source, 'team/partial', '1', 'partial');
  const name = `${source.host}/team/partial:1`;
  await docker(engine, 'pull', '--quiet', name);
  onTestFinished(async () => void (await docker(engine, 'rmi', name)));
  const repo = `${target.host}/prod/partial`;
  const step = await copy({ repo, tags: '1', source_image: name, source_from: 'daemon' }, engine.host);
  expectExit(step, 0);
  expect(index.children).toContain((await readManifest({ reference: `${repo}:1` })).digest);
  expect(step.output).toMatch(/warning: .* has one image of the index/);
});

describe('an archive', () => {
  async function archive(kind: 'oci-archive' | 'docker-archive' | 'oci', name: string): Promise<string> {
    const folder = makeWorkspace();
    const destination = `${kind}:${join(folder, 'image')}${kind === 'docker-archive' ? ':x/y:1' : ''}`;
    const all = kind === 'docker-archive' ? ['--override-arch=amd64', '--override-os=linux'] : [];
    const flags = ['--quiet', '--src-tls-verify=false', ...(kind === 'docker-archive' ? [] : ['--all'])];
    await execute('skopeo', [...all, 'copy', ...flags, `docker://${name}`, destination]);
    return folder;
  }

  it.each(['oci-archive', 'oci'] as const)('of the kind %s keeps digest and index', async (kind) => {
    const index = await publishIndex(source, 'team/archived', '1', kind);
    const cwd = await archive(kind, `${source.host}/team/archived:1`);
    const repo = `${target.host}/prod/${kind}`;
    const settings = { push_only: true, repo, tags: '1', source_tar_path: 'image' };
    const step = await runPlugin({ cwd, settings, host: noDaemon });
    expectExit(step, 0);
    expect((await readManifest({ reference: `${repo}:1` })).digest).toBe(index.digest);
    expect([...uploadedBlobsIn(target.take())].sort()).toEqual(index.blobs);
    expect(existsSync(join(cwd, 'image'))).toBe(true);
  });

  it('that skopeo wrote for docker is published with its layers compressed', async () => {
    const engine = sharedEngine('docker-26.1-graphdriver');
    const name = `local-${randomUUID()}:dev`;
    await localImage(engine, name);
    const published = `${source.host}/team/for-docker`;
    const settings = { repo: published, tags: '1', source_image: name, source_from: 'daemon' };
    expectExit(await copy(settings, engine.host), 0);
    const cwd = await archive('docker-archive', `${published}:1`);
    const repo = `${target.host}/prod/for-docker`;
    const step = { push_only: true, repo, tags: '1', source_tar_path: 'image' };
    expectExit(await runPlugin({ cwd, settings: step, host: noDaemon }), 0);
    // The same image by another road: the same bytes.
    const [one, other] = await Promise.all([
      readManifest({ reference: `${published}:1` }),
      readManifest({ reference: `${repo}:1` }),
    ]);
    expect(other.digest).toBe(one.digest);
  });

  it.each([
    ['is no archive', 'this is text\n', /cannot be read as a tar archive|neither an index/],
    ['is empty', '', /"image.tar" is empty/],
  ])('that %s fails with exit 2', async (_, content, words) => {
    const cwd = makeWorkspace({ 'image.tar': content });
    const settings = { push_only: true, repo: `${target.host}/x`, tags: '1', source_tar_path: 'image.tar' };
    const step = await runPlugin({ cwd, settings, host: noDaemon });
    expectExit(step, 2);
    expect(step.output).toMatch(words);
  });
});

it('says with --check what would be copied', async () => {
  const { run } = await import('../../src/run.ts');
  let output = '';
  const code = await run({
    env: {
      PLUGIN_PUSH_ONLY: 'true',
      PLUGIN_REPO: 'prod.example.com/app',
      PLUGIN_SOURCE_IMAGE: 'dev.example.com/app:1',
    },
    argv: ['--check'],
    cwd: makeWorkspace(),
    temporaryDirectory: makeTemporaryFolder(),
    version: 'test',
    write: (text) => void (output += text),
    now: () => new Date(),
    monotonicMs: () => performance.now(),
    randomHex: (bytes) =>
      createHash('sha256')
        .update('x')
        .digest('hex')
        .slice(0, 2 * bytes),
    signal: new AbortController().signal,
  });
  expect(code).toBe(0);
  expect(output).toContain('  copy    dev.example.com/app:1\n  publish prod.example.com/app:latest');
});
