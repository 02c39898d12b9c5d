// A PUT of a manifest that is refused, or never answered: what the registry shows afterwards is what counts.
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { type MemoryRegistry, startMemoryRegistry, type StoredRepository } from '../../support/memory-registry.ts';
import { makeClient, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const layer = Buffer.from('some layer');
const config = Buffer.from('{}');

function manifestOf(json: object) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...json }));
  return { mediaType, bytes, digest: sha256(bytes) };
}

const image = manifestOf({
  config: { digest: sha256(config) },
  layers: [{ digest: sha256(layer) }, { digest: sha256(Buffer.from('foreign')), urls: ['https://elsewhere.example/'] }],
});
const index = manifestOf({ manifests: [{ digest: image.digest }] });
const older = manifestOf({ annotations: { age: 'old' } });

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: Parameters<typeof makeClient>[0] = {}, echoTags = false) {
  const registry = await startMemoryRegistry({ echoTags });
  ends.push(() => registry.stop());
  const test = makeClient(options);
  ends.push(() => test.client.close());
  const stored = registry.repository('a/b');
  return { registry, test, stored, repository: test.target(`${registry.host}/a/b`) };
}

function show(stored: StoredRepository, manifest: typeof image, tag: string): void {
  stored.manifests.set(manifest.digest, manifest);
  stored.tags.set(tag, manifest.digest);
}

async function upload(repository: ReturnType<TestClient['target']>, blobs: readonly Buffer[]): Promise<void> {
  for (const bytes of blobs) {
    const open = (): Readable => Readable.from([bytes], { objectMode: false });
    await repository.ensureBlob({ digest: sha256(bytes), sizeBytes: bytes.length, open }, signal);
  }
}

function refuse(registry: MemoryRegistry, status: number, code: string, message: string): void {
  const body = JSON.stringify({ errors: [{ code, message }] });
  registry.fail({ method: 'PUT', kind: 'manifest', answer: { status, body } });
}

const dialects: readonly (readonly [string, number, string, string])[] = [
  ['ECR', 400, 'TAG_INVALID', "The image tag '1' already exists in the 'b' repository and cannot be overwritten"],
  ['Harbor', 412, 'PRECONDITION', 'Failed to process request due to 1 configured as immutable.'],
  ['Docker Hub', 403, 'DENIED', 'tag 1 is immutable'],
  ['GAR', 409, 'ALREADY_EXISTS', 'the repository has enabled tag immutability'],
  ['ACR', 405, 'UNSUPPORTED', 'The operation is disallowed on this registry, repository or image'],
  ['Artifactory', 403, 'DENIED', 'not enough permissions to overwrite artifact'],
  ['Alibaba', 400, 'DENIED', 'tag already exists'],
  ['Nexus', 400, 'BLOB_UPLOAD_INVALID', 'Repository does not allow updating assets: docker'],
  ['a registry of few words', 409, 'CONFLICT', ''],
];

describe.each(dialects)('a tag that %s does not let be moved', (_, status, code, message) => {
  it('is named with both digests', async () => {
    const { registry, stored, repository } = await start();
    show(stored, older, '1');
    refuse(registry, status, code, message);
    const put = repository.putManifest(image, { tag: '1' }, signal);
    await expect(put).rejects.toMatchObject({
      code: 'tag-immutable',
      exitCode: 4,
      status,
      message: expect.stringMatching(`tag 1 of .*/a/b .*it is at ${older.digest}, ours is ${image.digest}$`),
      hint: expect.stringContaining('ignore_immutable_tag_errors'),
    });
    expect(registry.counts()).toMatchObject({ 'PUT manifest': 1, 'HEAD manifest': 1 });
  });

  it('is fine when it shows our image', async () => {
    const { registry, stored, repository } = await start();
    show(stored, image, '1');
    refuse(registry, status, code, message);
    expect(await repository.putManifest(image, { tag: '1' }, signal)).toEqual({ confirmedTags: ['1'] });
    expect(await repository.putManifest(image, { digest: image.digest }, signal)).toEqual({ confirmedTags: [] });
  });
});

it.each([
  [409, 'CONFLICT', 'in use', 'refused'],
  [412, 'PRECONDITION', 'the policy wants a scan first', 'refused'],
  [403, 'DENIED', 'no', 'denied'],
  [400, 'BLOB_UPLOAD_INVALID', 'Repository does not allow updating assets: docker', 'tag-immutable'],
])('a tag that is not there cannot be immutable: %i %s %s', async (status, code, message, expected) => {
  const { registry, repository } = await start();
  refuse(registry, status, code, message);
  await expect(repository.putManifest(image, { tag: '1' }, signal)).rejects.toMatchObject({ code: expected, status });
});

describe('a registry that answers 404', () => {
  it('is asked again when it has everything', async () => {
    const { registry, repository } = await start();
    await upload(repository, [layer, config]);
    registry.forget();
    registry.fail({ method: 'PUT', kind: 'manifest', nth: 1, answer: { status: 404 } });
    expect(await repository.putManifest(image, { tag: '1' }, signal)).toEqual({ confirmedTags: ['1'] });
    expect(registry.counts()).toEqual({ 'HEAD blob': 2, 'HEAD manifest': 1, 'PUT manifest': 2 });
  });

  it('is believed the second time', async () => {
    const { registry, repository } = await start();
    await upload(repository, [layer, config]);
    refuse(registry, 404, 'NAME_UNKNOWN', 'unknown');
    await expect(repository.putManifest(image, { tag: '1' }, signal)).rejects.toMatchObject({
      code: 'repository-missing',
      exitCode: 4,
      status: 404,
    });
    expect(registry.counts()).toMatchObject({ 'PUT manifest': 2 });
  });

  it('has lost what it does not show', async () => {
    const { registry, repository } = await start();
    await upload(repository, [config]);
    registry.fail({ method: 'PUT', kind: 'manifest', answer: { status: 404 } });
    await expect(repository.putManifest(image, { tag: '1' }, signal)).rejects.toMatchObject({
      code: 'blob-lost',
      exitCode: 4,
      message: expect.stringContaining(sha256(layer).slice(0, 19)),
    });
    expect(registry.counts()).toMatchObject({ 'PUT manifest': 1 });
  });

  it('has no such repository when it shows nothing', async () => {
    const { registry, repository } = await start();
    registry.fail({ method: 'PUT', kind: 'manifest', answer: { status: 404 } });
    await expect(repository.putManifest(index, { tag: '1' }, signal)).rejects.toMatchObject({
      code: 'repository-missing',
    });
  });
});

describe('an answer that never comes', () => {
  it.each([{ tag: '1' }, { digest: image.digest }])('does not matter when %j shows our image', async (target) => {
    const { registry, repository, test } = await start({ limits: { headersMs: 300 } });
    registry.fail({ method: 'PUT', kind: 'manifest', answer: 'hang-after' });
    await repository.putManifest(image, target, signal);
    expect(registry.counts()).toMatchObject({ 'PUT manifest': 1, 'HEAD manifest': 1 });
    expect(test.lines).toHaveLength(1);
  });

  it('does not matter to tags that travelled along and are set', async () => {
    const { registry, repository } = await start({}, true);
    registry.fail({ method: 'PUT', kind: 'manifest', answer: 'break-after' });
    const target = { digest: image.digest, tags: ['1', 'latest'] };
    expect(await repository.putManifest(image, target, signal)).toEqual({ confirmedTags: ['1', 'latest'] });
    expect(registry.counts()).toMatchObject({ 'PUT manifest': 1, 'HEAD manifest': 3 });
  });

  it('is an end at the limit when nothing was stored', async () => {
    const { registry, repository } = await start({ limits: { headersMs: 100, attempts: 3 } });
    registry.fail({ method: 'PUT', kind: 'manifest', answer: 'hang' });
    await expect(repository.putManifest(image, { tag: '1' }, signal)).rejects.toMatchObject({
      code: 'stalled',
      exitCode: 6,
    });
    expect(registry.counts()).toMatchObject({ 'PUT manifest': 3 });
  });
});

it('a manifest that is too large is said with its size', async () => {
  const { registry, repository } = await start();
  registry.fail({ method: 'PUT', kind: 'manifest', answer: { status: 413, body: '<html></html>' } });
  await expect(repository.putManifest(image, { tag: '1' }, signal)).rejects.toMatchObject({
    code: 'too-large',
    message: expect.stringContaining(`${image.bytes.length} bytes`),
  });
});
