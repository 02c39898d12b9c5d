// The plugin's own upload on real engines with a graphdriver store and a real registry: what leaves the daemon, what
// skopeo reads back, and what the registry was asked for.
import { execFile } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { parseRepository } from '../../src/base/reference.ts';
import { defaultRetryLimits, Retrier, systemClock } from '../../src/base/retry.ts';
import { connectEngine, type Engine } from '../../src/engine/connect.ts';
import { inspectImage } from '../../src/engine/inspect-image.ts';
import { removeTemporaryImage } from '../../src/engine/temporary-images.ts';
import { uploadFromDaemon } from '../../src/publish/upload-from-daemon.ts';
import { RegistryClient } from '../../src/registry/registry-client.ts';
import { docker } from '../support/docker.ts';
import { snapshotImages } from '../support/engine-observer.ts';
import { type EngineAddress, type EngineKind, startEngine } from '../support/engines.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readManifest, unpackImage } from '../support/skopeo.ts';
import { addFiles, makeTemporaryFolder } from '../support/workspace.ts';

const execute = promisify(execFile);
const signal = new AbortController().signal;
const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
const graphdriverEngines: readonly EngineKind[] = ['docker-20.10', 'docker-26.1-graphdriver'];

let registry: TestRegistry;
let client: RegistryClient;
beforeAll(async () => {
  registry = await startRegistry({ auth: 'open' });
});
beforeEach(() => {
  client = new RegistryClient({
    credentials: { find: async () => undefined, searched: 'nowhere' },
    insecureHosts: new Set(),
    caCertificates: [],
    userAgent: 'docker-build/test',
    log,
  });
});
afterEach(() => client.close());
afterAll(() => registry.stop());

const connected = (address: EngineAddress): Promise<Engine> =>
  connectEngine({ host: address.host, tlsVerify: false, waitSeconds: 10, socketCandidates: [], log }, signal);

/** A base of about 4 MB, and an image of three more layers on it; the names go when the test ends. */
async function buildImage(address: EngineAddress, base: string, files: Readonly<Record<string, string>>) {
  const engine = await connected(address);
  const folder = makeTemporaryFolder();
  addFiles(folder, {
    ...files,
    Dockerfile: `FROM ${base}\nCOPY one /one\nCOPY two /two\nCOPY one /one\nLABEL made=here\n`,
  });
  // The first and the last of the copied layers are the same: an older engine exports the second of them as a link.
  for (const file of Object.keys(files)) utimesSync(join(folder, file), 0, 0);
  const name = `docker-build.invalid/upload:${randomUUID()}`;
  await docker(address, 'build', '--quiet', '--tag', name, folder);
  onTestFinished(() => removeTemporaryImage(engine, name));
  return { engine, name, image: await inspectImage(engine, name, signal) };
}

async function importBase(address: EngineAddress): Promise<string> {
  const folder = makeTemporaryFolder();
  const name = `docker-build.invalid/base:${randomUUID()}`;
  addFiles(folder, { 'root/usr/share/data': randomBytes(4_000_000), 'root/etc/hello': 'hello' });
  await execute('tar', ['-cf', join(folder, 'root.tar'), '-C', join(folder, 'root'), '.']);
  await docker(address, 'import', join(folder, 'root.tar'), name);
  onTestFinished(async () => removeTemporaryImage(await connected(address), name));
  return name;
}

async function upload(built: Awaited<ReturnType<typeof buildImage>>, path: string, tags: readonly string[]) {
  const { engine, name, image } = built;
  const repository = client.repository(parseRepository(`${registry.host}/${path}`), 'push');
  const temporaryDirectory = makeTemporaryFolder();
  const states: string[] = [];
  const published = await uploadFromDaemon(
    {
      engine,
      name,
      id: image.id,
      retrier: new Retrier({ ...defaultRetryLimits, attempts: 1 }, systemClock, log),
      targets: [{ repository, tags }],
      temporaryDirectory,
      log,
      onLayer: ({ state, position }) => void (state === 'uploading' || states.push(`${String(position)} ${state}`)),
    },
    signal,
  );
  expect(readdirSync(temporaryDirectory)).toEqual([]);
  return { published, states: states.sort((a, b) => (a < b ? -1 : 1)) };
}

/** What skopeo pulls, as the digests of the uncompressed layers. */
async function diffIdsAt(reference: string): Promise<readonly string[]> {
  const folder = makeTemporaryFolder();
  await execute('skopeo', [
    'copy',
    '--quiet',
    '--src-tls-verify=false',
    `docker://${reference}`,
    `dir:${folder}/image`,
  ]);
  const manifest = JSON.parse(readFileSync(join(folder, 'image', 'manifest.json'), 'utf8')) as {
    layers: { digest: string }[];
  };
  return Promise.all(
    manifest.layers.map(async ({ digest }) => {
      const hash = createHash('sha256');
      await pipeline(createReadStream(join(folder, 'image', digest.slice(7))), createGunzip(), hash);
      return `sha256:${hash.digest('hex')}`;
    }),
  );
}

describe.each(graphdriverEngines)('the upload from %s', (kind) => {
  it('brings the whole image to the registry under all tags', async () => {
    const address = sharedEngine(kind);
    const built = await buildImage(address, await importBase(address), { one: '1', two: '2' });
    const path = `upload/${randomUUID()}`;
    const { published, states } = await upload(built, path, ['1.0.0', 'latest']);
    expect(states).toEqual(['0 uploaded', '1 uploaded', '2 uploaded', '3 uploaded']);
    expect(published.tags.map(({ outcome }) => outcome)).toEqual(['created', 'created']);
    const reference = `${registry.host}/${path}`;
    expect(await listTags({ reference })).toEqual(['1.0.0', 'latest']);
    expect((await readManifest({ reference: `${reference}:latest` })).digest).toBe(published.digest);
    expect(await diffIdsAt(`${reference}:1.0.0`)).toEqual(built.image.diffIds);
    const root = await unpackImage({ reference: `${reference}:1.0.0` }, makeTemporaryFolder());
    expect(readFileSync(join(root, 'one'), 'utf8')).toBe('1');
    expect(readFileSync(join(root, 'etc', 'hello'), 'utf8')).toBe('hello');
  });

  it('of an image that is there asks only for its manifest and the tags', async () => {
    const address = sharedEngine(kind);
    const built = await buildImage(address, await importBase(address), { one: '1', two: '2' });
    const path = `upload/${randomUUID()}`;
    const first = await upload(built, path, ['latest']);
    registry.forget();
    const second = await upload(built, path, ['latest']);
    expect(second.published.digest).toBe(first.published.digest);
    expect(second.published.uploadedBlobs).toBe(0);
    const writes = registry.requests().filter(({ method }) => method !== 'GET' && method !== 'HEAD');
    expect(writes).toEqual([]);
  });

  it('of a changed image sends what has changed', async () => {
    const address = sharedEngine(kind);
    const base = await importBase(address);
    const path = `upload/${randomUUID()}`;
    await upload(await buildImage(address, base, { one: '1', two: '2' }), path, ['1.0.0', 'latest']);
    const changed = await buildImage(address, base, { one: '1', two: 'changed' });
    const { published, states } = await upload(changed, path, ['1.0.1', 'latest']);
    expect(states).toEqual(['0 uploaded', '1 known', '2 known', '3 uploaded', '4 known']);
    expect(published.uploadedBlobs).toBe(2);
    expect(published.uploadedBytes).toBeLessThan(10_000);
    expect(await diffIdsAt(`${registry.host}/${path}:latest`)).toEqual(changed.image.diffIds);
  });

  it('writes the same manifest for the same image in another repository', async () => {
    const address = sharedEngine(kind);
    const built = await buildImage(address, await importBase(address), { one: '1', two: '2' });
    const digests = [];
    for (const path of ['one', 'two'])
      digests.push((await upload(built, `upload/${randomUUID()}-${path}`, ['1'])).published.digest);
    expect(digests[0]).toBe(digests[1]);
  });

  it('costs a step a known number of requests, all of them counted', async () => {
    const cwd = makeTemporaryFolder();
    addFiles(cwd, { Dockerfile: 'FROM scratch\nCOPY one two /\nCOPY two /three\n', one: '1', two: '2' });
    const settings = { repo: `${registry.host}/upload/${randomUUID()}`, tags: '1.0.0,1.0,latest', auto_label: false };
    const publish = async () => {
      registry.forget();
      expectExit(await runPlugin({ cwd, settings, host: sharedEngine(kind).host }), 0);
      return registry.take().length;
    };
    const [blobs, tags] = [3, 3];
    expect(await publish()).toBe(2 * blobs + 2 * tags + 6);
    expect(await publish()).toBe(tags + 3);
  });

  it('leaves the image list of the daemon as it was', async () => {
    const address = sharedEngine(kind);
    const built = await buildImage(address, await importBase(address), { one: '1', two: '2' });
    const before = await snapshotImages(address);
    await upload(built, `upload/${randomUUID()}`, ['latest']);
    expect(await snapshotImages(address)).toEqual(before);
  });
});

describe('a daemon at a TCP address', () => {
  it('with TLS is used with the certificates of DOCKER_CERT_PATH, and refused without them', async () => {
    const address = await startEngine('docker-20.10', { tcp: 'tls' });
    onTestFinished(() => address.stop());
    const { tcpHost: host, certPath } = address;
    const options = { host, waitSeconds: 10, socketCandidates: [], log };
    const engine = await connectEngine({ ...options, certPath, tlsVerify: true }, signal);
    expect(engine.version).toContain('20.10');
    const stream = await engine.dial('/grpc', [], signal);
    stream.destroy();
    await expect(connectEngine({ ...options, tlsVerify: true }, signal)).rejects.toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/^TLS with the daemon at tcp:/),
    });
    const folder = makeTemporaryFolder();
    writeFileSync(join(folder, 'ca.pem'), readFileSync(join(certPath ?? '', 'ca.pem')));
    await expect(connectEngine({ ...options, certPath: folder, tlsVerify: true }, signal)).rejects.toMatchObject({
      exitCode: 5,
    });
  });
});
