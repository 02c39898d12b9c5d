import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/base/digest.ts';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { defaultRetryLimits, Retrier, systemClock } from '../../../src/base/retry.ts';
import { connectEngine } from '../../../src/engine/connect.ts';
import { usualFormat } from '../../../src/publish/image-format.ts';
import { mediaTypes, parseManifest, writeManifest } from '../../../src/publish/manifest.ts';
import type { LayerEvent, Manifest } from '../../../src/publish/target.ts';
import { uploadFromDaemon, type UploadFromDaemonOptions } from '../../../src/publish/upload-from-daemon.ts';
import { type Handler, healthy, hexOf, json, startFakeEngine, type TarEntry, tarOf } from '../engine/fake-engine.ts';
import { digestOf, manifestOf, MemoryRepository } from '../../unit/publish/memory-repository.ts';

const signal = new AbortController().signal;
const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
const name = 'docker-build.invalid/app:1-2';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'upload-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** An image: its layers as texts, its config made of them. */
function imageOf(layers: readonly string[]) {
  const diffIds = layers.map((layer): Digest => `sha256:${hexOf(layer)}`);
  const config = JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } });
  const id: Digest = `sha256:${hexOf(config)}`;
  return { layers, diffIds, config, id };
}
type Image = ReturnType<typeof imageOf>;

const modernTar = (image: Image): readonly TarEntry[] => [
  ...[...image.layers, image.config]
    .map((text) => [`blobs/sha256/${hexOf(text)}`, text] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1)),
  ['manifest.json', '[]'],
];
const olderTar = (image: Image): readonly TarEntry[] => [
  ...image.layers.map((text, position): TarEntry => [`${hexOf(`v1 ${String(position)}`)}/layer.tar`, text]),
  [`${image.id.slice(7)}.json`, image.config],
];

interface Publishing {
  readonly image: Image;
  readonly tar?: readonly TarEntry[];
  readonly repositories: readonly MemoryRepository[];
  readonly tags?: readonly string[];
  readonly id?: Digest;
  readonly parallelism?: number;
  readonly onExport?: () => void;
  readonly beforeTags?: UploadFromDaemonOptions['beforeTags'];
  readonly signal?: AbortSignal;
}

async function publish(publishing: Publishing) {
  const { image, repositories, tags = ['1.0.0', 'latest'] } = publishing;
  const tar = publishing.tar ?? modernTar(image);
  const inspect: Handler = (_, response) =>
    json(response, { Id: image.id, RootFS: { Layers: image.diffIds }, Os: 'linux', Architecture: 'amd64', Size: 1 });
  const get: Handler = (_, response) => {
    publishing.onExport?.();
    tarOf(tar).pipe(response);
  };
  await using engine = await startFakeEngine({
    ...healthy,
    [`GET /images/${name}/json`]: inspect,
    [`GET /images/${name}/get`]: get,
  });
  const host = `unix://${engine.socketPath}`;
  const connected = await connectEngine({ host, tlsVerify: false, waitSeconds: 0, socketCandidates: [], log }, signal);
  const events: LayerEvent[] = [];
  const published = await uploadFromDaemon(
    {
      engine: connected,
      name,
      id: publishing.id ?? image.id,
      targets: repositories.map((repository) => ({ repository, tags })),
      temporaryDirectory: folder,
      log,
      onLayer: (event) => void events.push(event),
      retrier: new Retrier({ ...defaultRetryLimits, attempts: 1 }, systemClock, log),
      parallelism: publishing.parallelism ?? 2,
      beforeTags: publishing.beforeTags,
      patience: { tries: 2, waitMs: 1 },
    },
    publishing.signal ?? signal,
  );
  return { published, events, exported: engine.requests.some((request) => request.endsWith('/get')) };
}

/** The texts of the layers that a repository holds under a tag, by way of its manifest. */
function layersAt(repository: MemoryRepository, tag: string): readonly string[] {
  const manifest = repository.manifests.get(repository.tags.get(tag) ?? '');
  const parsed = manifest === undefined ? undefined : parseManifest(manifest);
  if (parsed?.kind !== 'image') throw new Error(`no image at ${tag}`);
  expect(repository.blobs.has(parsed.config.digest)).toBe(true);
  return parsed.layers.map(({ digest }) => gunzipSync(repository.blobs.get(digest) ?? Buffer.alloc(0)).toString());
}

const base = 'base '.repeat(400_000);
const app = 'app';

describe('an image in a graphdriver daemon', () => {
  it.each([
    ['25 and newer', modernTar],
    ['before 25', olderTar],
  ])('of Docker %s arrives whole under all tags', async (_, tarOfImage) => {
    const repository = new MemoryRepository();
    const image = imageOf([base, app]);
    const { published } = await publish({ image, tar: tarOfImage(image), repositories: [repository] });
    expect(layersAt(repository, '1.0.0')).toEqual([base, app]);
    expect(repository.tags.get('latest')).toBe(published.digest);
    expect(published).toMatchObject({ mediaType: mediaTypes.dockerManifest, uploadedBlobs: 3 });
    expect(published.imageBytes).toBe(published.uploadedBytes);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('shows its config before a tag moves, from here where it passed by', async () => {
    const repository = new MemoryRepository();
    const image = imageOf([app]);
    const seen: (string | undefined)[] = [];
    const beforeTags: Publishing['beforeTags'] = async ({ digest }, content) => {
      expect(repository.tags.size).toBe(seen.length);
      const config = await content?.readBlob(digest, 1000, signal);
      seen.push(config && Buffer.from(config).toString());
    };
    await publish({ image, repositories: [repository], tags: ['latest'], beforeTags });
    await publish({ image, repositories: [repository], tags: ['latest', '1'], beforeTags });
    await publish({ image, repositories: [repository], tags: ['latest', '1'], beforeTags });
    expect(seen).toEqual([image.config, undefined]);
  });

  it('has the same manifest from both layouts and with any parallelism', async () => {
    const image = imageOf([base, app]);
    const digests = new Set<string>();
    for (const [tar, parallelism] of [
      [modernTar(image), 1],
      [olderTar(image), 7],
    ] as const) {
      const { published } = await publish({ image, tar, parallelism, repositories: [new MemoryRepository()] });
      digests.add(published.digest);
    }
    expect(digests.size).toBe(1);
  });

  it('is not exported when a tag shows the very image, and only new tags are written', async () => {
    const repository = new MemoryRepository();
    const image = imageOf([base, app]);
    const first = await publish({ image, repositories: [repository], tags: ['latest'] });
    repository.requests.length = 0;
    const second = await publish({ image, repositories: [repository], tags: ['2.0.0', 'latest'] });
    expect(second.exported).toBe(false);
    expect(second.published).toMatchObject({ digest: first.published.digest, uploadedBlobs: 0, uploadedBytes: 0 });
    expect(second.published.imageBytes).toBe(first.published.imageBytes);
    expect(second.published.tags.map(({ outcome }) => outcome)).toEqual(['created', 'unchanged']);
    expect(repository.requests.filter((request) => /blob|ensure/.test(request))).toEqual([]);
    expect(second.events.map(({ state, position }) => [state, position])).toEqual([
      ['known', 1],
      ['known', 2],
    ]);
  });

  it('reuses the bytes of a manifest that another client wrote for it', async () => {
    const repository = new MemoryRepository();
    const image = imageOf([app]);
    await publish({ image, repositories: [repository], tags: ['latest'] });
    const written = repository.manifests.get(repository.tags.get('latest') ?? '');
    const indented = JSON.stringify(JSON.parse(Buffer.from(written?.bytes ?? []).toString()), undefined, 3);
    const other: Manifest = {
      mediaType: mediaTypes.dockerManifest,
      bytes: Buffer.from(indented),
      digest: digestOf(Buffer.from(indented)),
    };
    repository.seed('latest', other);
    const { published } = await publish({ image, repositories: [repository] });
    expect(published.digest).toBe(other.digest);
  });

  it('is written anew, without an export, when the same image is there as an OCI manifest', async () => {
    const repository = new MemoryRepository();
    const image = imageOf([base, app]);
    await publish({ image, repositories: [repository], tags: ['latest'] });
    const written = repository.manifests.get(repository.tags.get('latest') ?? '');
    const json: unknown = JSON.parse(
      Buffer.from(written?.bytes ?? [])
        .toString()
        .replaceAll(mediaTypes.dockerLayer, mediaTypes.ociLayer),
    );
    repository.seed('latest', manifestOf(json, mediaTypes.ociManifest));
    const { published, exported } = await publish({ image, repositories: [repository] });
    expect(exported).toBe(false);
    expect(published.digest).toBe(written?.digest);
  });

  it.each([
    ['25 and newer', modernTar],
    ['before 25', olderTar],
  ])('of Docker %s leaves layers alone that a tag of the repository has', async (_, tarOfImage) => {
    const repository = new MemoryRepository();
    await publish({ image: imageOf([base, 'old app']), repositories: [repository] });
    // As another compressor would have written it: only the mapping by diffID can find it.
    const image = imageOf([base, app]);
    const { published, events } = await publish({ image, tar: tarOfImage(image), repositories: [repository] });
    expect(published.uploadedBlobs).toBe(2);
    expect(events.filter(({ state }) => state === 'known').map(({ position }) => position)).toEqual([1]);
    expect(layersAt(repository, 'latest')).toEqual([base, app]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('uploads a known layer again when its blob is gone', async () => {
    const repository = new MemoryRepository();
    await publish({ image: imageOf([base, 'old app']), repositories: [repository] });
    const manifest = repository.manifests.get(repository.tags.get('latest') ?? '');
    const parsed = manifest === undefined ? undefined : parseManifest(manifest);
    const lower = parsed?.kind === 'image' ? parsed.layers[0] : undefined;
    repository.blobs.delete(lower?.digest ?? '');
    const { published } = await publish({ image: imageOf([base, app]), repositories: [repository] });
    expect(published.uploadedBlobs).toBe(3);
    expect(layersAt(repository, 'latest')).toEqual([base, app]);
  });

  it('counts a layer that occurs twice once', async () => {
    const repository = new MemoryRepository();
    const { published } = await publish({
      image: imageOf([app, base, app]),
      tar: modernTar(imageOf([app, base, app])).filter(
        (entry, position, all) => all.findIndex(([first]) => first === entry[0]) === position,
      ),
      repositories: [repository],
    });
    expect(published.uploadedBlobs).toBe(3);
    expect(layersAt(repository, 'latest')).toEqual([app, base, app]);
  });

  it('goes to two repositories of a registry by mounts, manifest of the first before', async () => {
    const first = new MemoryRepository('registry.test/one');
    const second = new MemoryRepository('registry.test/two');
    second.mountable.set('one', first);
    const image = imageOf([base, app]);
    let manifestWasThere = false;
    second.fault = (request) => {
      if (request.startsWith('ensure')) manifestWasThere = first.manifests.size === 1;
      return undefined;
    };
    const { published, events } = await publish({ image, repositories: [first, second] });
    expect(published.uploadedBlobs).toBe(3);
    expect(manifestWasThere).toBe(true);
    expect(events.filter(({ state }) => state === 'mounted')).toHaveLength(3);
    expect(layersAt(second, 'latest')).toEqual([base, app]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('goes to two registries by two uploads', async () => {
    const repositories = [new MemoryRepository('one.test/app'), new MemoryRepository('two.test/app')];
    const { published } = await publish({ image: imageOf([app]), repositories });
    expect(published.uploadedBlobs).toBe(4);
    expect(published.tags).toHaveLength(4);
  });

  it('brings a second repository along that has only a part', async () => {
    const first = new MemoryRepository('registry.test/one');
    const image = imageOf([base, app]);
    await publish({ image, repositories: [first] });
    const second = new MemoryRepository('registry.test/two');
    await publish({ image, repositories: [first, second] });
    expect(layersAt(second, 'latest')).toEqual([base, app]);
    expect(second.tags.get('latest')).toBe(first.tags.get('latest'));
  });
});

describe('a blob that the registry loses between its upload and the manifest', () => {
  const lost = (): Error => new PluginError({ code: 'blob-lost', exitCode: 4, message: 'host has lost a layer' });

  /** Drops the blobs that `chosen` picks the first so many times that a manifest comes, and refuses it. */
  function losing(times: number, chosen: (digest: string) => boolean = () => true): MemoryRepository {
    const repository = new MemoryRepository();
    let left = times;
    repository.fault = (request) => {
      if (!request.startsWith('PUT') || left-- <= 0) return undefined;
      for (const digest of [...repository.blobs.keys()].filter(chosen)) repository.blobs.delete(digest);
      return lost();
    };
    return repository;
  }

  it.each([
    ['25 and newer', modernTar],
    ['before 25', olderTar],
  ])('is packed and uploaded again (Docker %s)', async (_, tarOfImage) => {
    const image = imageOf([base, app]);
    const repository = losing(2);
    const { published } = await publish({ image, tar: tarOfImage(image), repositories: [repository] });
    expect(layersAt(repository, 'latest')).toEqual([base, app]);
    expect(published.uploadedBlobs).toBe(9);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is the only one that is uploaded again', async () => {
    const image = imageOf([base, app]);
    const repository = losing(1, (digest) => digest === image.id);
    const { published } = await publish({ image, repositories: [repository] });
    expect(published.uploadedBlobs).toBe(4);
    expect(layersAt(repository, 'latest')).toEqual([base, app]);
  });

  it('is sent again although the registry says that it is there, once that has not helped', async () => {
    const repository = losing(2, () => false);
    const { published } = await publish({ image: imageOf([base, app]), repositories: [repository] });
    expect(published.uploadedBlobs).toBe(6);
    expect(layersAt(repository, 'latest')).toEqual([base, app]);
  });

  it('ends the run when it is lost for the third time', async () => {
    const repository = losing(3);
    const publishing = publish({ image: imageOf([app]), repositories: [repository] });
    await expect(publishing).rejects.toMatchObject({ code: 'blob-lost', exitCode: 4 });
    expect(repository.tags.size).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('ends the run when only another client could pack it', async () => {
    const repository = new MemoryRepository();
    const image = imageOf([base, app]);
    await publish({ image, repositories: [repository], tags: ['latest'] });
    const written = repository.manifests.get(repository.tags.get('latest') ?? '');
    const parsed = written === undefined ? undefined : parseManifest(written);
    if (parsed?.kind !== 'image') throw new Error('no image');
    const other = gzipSync(app, { level: 9 });
    const layers = parsed.layers.map((layer, at) =>
      at === 1 ? { digest: digestOf(other), sizeBytes: other.length } : layer,
    );
    repository.seed('latest', writeManifest(usualFormat, parsed.config, layers));
    repository.blobs.set(digestOf(other), other);
    repository.fault = (request) => {
      if (!request.startsWith('PUT')) return undefined;
      repository.blobs.delete(digestOf(other));
      return lost();
    };
    const publishing = publish({ image, repositories: [repository], tags: ['1.0.0'] });
    await expect(publishing).rejects.toMatchObject({ code: 'blob-lost', message: /another client/ });
    expect([...repository.tags.keys()]).toEqual(['latest']);
  });
});

describe('nothing is tagged', () => {
  const nothing = async (publishing: Omit<Publishing, 'repositories'>) => {
    const repository = new MemoryRepository();
    const outcome = await publish({ ...publishing, repositories: [repository] }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(repository.tags.size).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
    return outcome;
  };

  it('when the name is another image by now', async () => {
    const image = imageOf([app]);
    expect(await nothing({ image, id: imageOf([base]).id })).toMatchObject({ exitCode: 7, code: 'image-replaced' });
  });

  it('when a layer is not what its name says', async () => {
    const image = imageOf([base, app]);
    const tar = modernTar(image).map(([header, text]): TarEntry => [header, text === app ? 'bad' : (text ?? '')]);
    expect(await nothing({ image, tar })).toMatchObject({ exitCode: 7, code: 'export-damaged' });
  });

  it('when the config is not what its name says', async () => {
    const image = imageOf([app]);
    const tar = modernTar(image).map(([header, text]): TarEntry => [
      header,
      text === image.config ? '{}' : (text ?? ''),
    ]);
    expect(await nothing({ image, tar })).toMatchObject({ exitCode: 7, code: 'export-damaged' });
  });

  it.each([
    ['a layer', (image: Image) => olderTar(image).slice(1)],
    ['the config', (image: Image) => olderTar(image).slice(0, -1)],
  ])('when the export lacks %s', async (_, tarOfImage) => {
    const image = imageOf([base, app]);
    expect(await nothing({ image, tar: tarOfImage(image) })).toMatchObject({ exitCode: 7, code: 'export-damaged' });
  });

  it('when there is no folder to compress into', async () => {
    const repository = new MemoryRepository();
    rmSync(folder, { recursive: true });
    const publishing = publish({ image: imageOf([app]), repositories: [repository] });
    await expect(publishing).rejects.toMatchObject({ exitCode: 4, code: 'temporary-folder' });
    expect(repository.tags.size).toBe(0);
  });

  it('when an upload fails, and the export is left at once', async () => {
    const repository = new MemoryRepository();
    const refusal = new Error('denied');
    repository.fault = (request) => (request.startsWith('ensure') ? refusal : undefined);
    const image = imageOf(Array.from({ length: 30 }, (_, position) => String(position).repeat(100_000)));
    await expect(publish({ image, repositories: [repository] })).rejects.toBe(refusal);
    expect(repository.tags.size).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('when the run is aborted in the middle of the export', async () => {
    const controller = new AbortController();
    const abort = (): void => {
      controller.abort(new Error('terminated'));
    };
    const outcome = await nothing({ image: imageOf([base]), onExport: abort, signal: controller.signal });
    expect(String(outcome)).toContain('terminated');
  });
});

it('a manifest written for known and new layers is the one that a first upload would have written', async () => {
  const image = imageOf([base, app]);
  const fresh = new MemoryRepository();
  const { published } = await publish({ image, repositories: [fresh] });
  const parsed = parseManifest(
    fresh.manifests.get(published.digest) ?? writeManifest(usualFormat, { digest: image.id, sizeBytes: 0 }, []),
  );
  const used = new MemoryRepository();
  await publish({ image: imageOf([base]), repositories: [used] });
  const again = await publish({ image, repositories: [used] });
  expect(parsed?.kind).toBe('image');
  expect(again.published.digest).toBe(published.digest);
});
