// The oracle of the fault bench against a real registry that is damaged on purpose: what it does not notice, no run of the bench
// would ever be blamed for.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageOf, type MadeBlob, type MadeImage, makeIndex, putImage } from '../../faults/make-image.ts';
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

/** What the manifest of an odd image names. */
interface Composed {
  readonly config: MadeBlob;
  readonly layers: readonly MadeBlob[];
}

/** The config of an image, telling of these layers. */
function configOf({ config }: MadeImage, diffIds: readonly string[]): MadeBlob {
  const fields = JSON.parse(config.bytes.toString('utf8')) as object;
  const bytes = Buffer.from(JSON.stringify({ ...fields, rootfs: { type: 'layers', diff_ids: diffIds } }));
  return { ...config, bytes, digest: sha256(bytes) };
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Puts an image with this config and these layers under tag 1. */
async function putComposed(repository: string, image: MadeImage, { config, layers }: Composed): Promise<void> {
  const describeBlob = ({ mediaType, digest, bytes }: MadeBlob) => ({ mediaType, digest, size: bytes.length });
  const fields = JSON.parse(image.manifest.bytes.toString('utf8')) as object;
  const manifest = { ...fields, config: describeBlob(config), layers: layers.map(describeBlob) };
  const access = new RegistryAccess(registry, repository);
  for (const { digest, bytes } of [config, ...layers]) await access.putBlob(digest, bytes);
  await access.putManifest('1', Buffer.from(JSON.stringify(manifest)), image.manifest.mediaType);
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

  it.each<[string, (image: MadeImage, other: MadeImage) => Composed]>([
    ['the layer is not the one that the config tells of', ({ config }, { layer }) => ({ config, layers: [layer] })],
    [
      'the layer is not that one, beside one in a format that is not read',
      (image, { layer }) => {
        const { digest } = image.layer;
        const config = configOf(image, ['sha256:0', digest]);
        return {
          config,
          layers: [{ ...image.layer, mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }, layer],
        };
      },
    ],
    [
      'a layer is missing that the config tells of',
      (image, { layerTar }) => ({
        config: configOf(image, [sha256(image.layerTar), sha256(layerTar)]),
        layers: [image.layer],
      }),
    ],
  ])('is incomplete when %s', async (what, compose) => {
    const repository = what.replaceAll(/[ ,]+/g, '-');
    const image = await imageOf(repository, randomBytes(1000));
    await putComposed(repository, image, compose(image, await imageOf(repository, randomBytes(1000))));
    expect((await readTags(registry, repository, { label: repository })).get('1')?.isComplete).toBe(false);
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
