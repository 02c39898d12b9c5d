// The oracle of the fault bench against a real registry that is damaged on purpose: what it does not notice, no run of the bench
// would ever be blamed for.
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageOf, makeIndex, type MadeImage, putImage } from '../../faults/make-image.ts';
import { RegistryAccess } from '../../faults/registry-access.ts';
import { dropRepository, openUploads, readTags } from '../../faults/registry-graph.ts';
import { takeSnapshot, whatIsLeft } from '../../faults/snapshot.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { makeTemporaryFolder } from '../../support/workspace.ts';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.stop());

/** An image under tag 1 of a repository of its own. */
async function publish(repository: string): Promise<MadeImage> {
  const image = await imageOf(repository, randomBytes(2_000_000));
  await putImage(registry, repository, image, ['1']);
  return image;
}

function blobFile(digest: string): string {
  const hex = digest.slice('sha256:'.length);
  return join(registry.storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
}

describe('what a tag shows', () => {
  it('is the wanted image, complete, known by its label or its digest', async () => {
    const image = await publish('whole');
    const shown = { digest: image.manifest.digest, isComplete: true, isWanted: true };
    expect(await readTags(registry, 'whole', { label: 'whole' })).toEqual(new Map([['1', shown]]));
    expect(await readTags(registry, 'whole', { digest: image.manifest.digest })).toEqual(new Map([['1', shown]]));
  });

  it('is another image when label or digest differ', async () => {
    await publish('other');
    for (const wanted of [{ label: 'oth' }, { digest: 'sha256:0' }]) {
      expect((await readTags(registry, 'other', wanted)).get('1')?.isWanted).toBe(false);
    }
  });

  it('is nothing in a repository that does not exist', async () => {
    expect(await readTags(registry, 'none', { label: 'none' })).toEqual(new Map());
  });

  it.each<[string, (image: MadeImage) => void]>([
    ['a layer is gone', ({ layer }) => rmSync(blobFile(layer.digest))],
    ['a layer has other bytes', ({ layer }) => writeFileSync(blobFile(layer.digest), layer.bytes.fill(0))],
    ['a layer is too short', ({ layer }) => writeFileSync(blobFile(layer.digest), layer.bytes.subarray(1))],
    ['the config is gone', ({ config }) => rmSync(blobFile(config.digest))],
  ])('is incomplete when %s', async (what, damage) => {
    const repository = what.replaceAll(' ', '-');
    damage(await publish(repository));
    expect((await readTags(registry, repository, { label: repository })).get('1')?.isComplete).toBe(false);
  });

  it('is incomplete when the layer is not the one that the config tells of', async () => {
    const image = await imageOf('swapped', randomBytes(1000));
    const { layer } = await imageOf('swapped', randomBytes(1000));
    const manifest = JSON.stringify({
      ...(JSON.parse(image.manifest.bytes.toString('utf8')) as object),
      layers: [{ mediaType: layer.mediaType, digest: layer.digest, size: layer.bytes.length }],
    });
    const access = new RegistryAccess(registry, 'swapped');
    for (const { digest, bytes } of [image.config, layer]) await access.putBlob(digest, bytes);
    await access.putManifest('1', Buffer.from(manifest), image.manifest.mediaType);
    expect((await readTags(registry, 'swapped', { label: 'swapped' })).get('1')?.isComplete).toBe(false);
  });

  it('is incomplete when a child of an index lacks a blob', async () => {
    const index = await makeIndex('index', randomBytes(1000));
    await putImage(registry, 'index', index, ['1']);
    expect((await readTags(registry, 'index', { label: 'index' })).get('1')?.isComplete).toBe(true);
    rmSync(blobFile(index.images[1]?.layer.digest ?? ''));
    expect((await readTags(registry, 'index', { label: 'index' })).get('1')?.isComplete).toBe(false);
  });
});

describe('what is left', () => {
  it('is an upload that nobody finished, until somebody gives it up', async () => {
    const access = new RegistryAccess(registry, 'uploads');
    const opened = await access.ask('POST', 'blobs/uploads/');
    expect(openUploads(registry, 'uploads')).toEqual([opened.headers['docker-upload-uuid']]);
    await access.ask('DELETE', String(opened.headers['location']));
    expect(openUploads(registry, 'uploads')).toEqual([]);
  });

  it('is a file in a folder of the step', async () => {
    const folder = makeTemporaryFolder();
    mkdirSync(join(folder, 'was-there'));
    const scene = { id: 'x', folders: [folder], registry, repositories: ['files'] };
    const before = await takeSnapshot(scene);
    writeFileSync(join(folder, 'was-there', 'new'), '');
    expect(await whatIsLeft(before, scene, 0)).toEqual([`file ${folder}/was-there/new`]);
  });
});

it('frees the disk from the blobs of one repository alone', async () => {
  const mine = await publish('mine');
  const others = await publish('others');
  dropRepository(registry, 'mine');
  expect(await readTags(registry, 'mine', { label: 'mine' })).toEqual(new Map());
  expect((await readTags(registry, 'others', { label: 'others' })).get('1')?.isComplete).toBe(true);
  await expect(new RegistryAccess(registry, 'mine').ask('HEAD', `blobs/${mine.layer.digest}`)).resolves.toMatchObject({
    status: 404,
  });
  expect(others.layer.digest).not.toBe(mine.layer.digest);
});
