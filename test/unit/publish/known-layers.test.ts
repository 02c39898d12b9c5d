import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/base/digest.ts';
import type { Log } from '../../../src/base/log.ts';
import type { Compression } from '../../../src/publish/image-format.ts';
import { mapKnownLayers, readKnownImages } from '../../../src/publish/known-layers.ts';
import { lookAtTags } from '../../../src/publish/look-at-tags.ts';
import { mediaTypes } from '../../../src/publish/manifest.ts';
import type { Manifest } from '../../../src/publish/target.ts';
import { digestOf, manifestOf, MemoryRepository } from './memory-repository.ts';

const signal = new AbortController().signal;
const platform = { os: 'linux', architecture: 'amd64' };
const diffId = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const blob = (letter: string): Digest => `sha256:${letter.repeat(32)}${'0'.repeat(32)}`;

function logOf() {
  const lines: string[] = [];
  return { lines, info: () => undefined, warn: () => undefined, debug: (line: string) => void lines.push(line) };
}

interface Layer {
  readonly diffId: Digest;
  readonly digest: Digest;
  readonly mediaType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Puts an image into a repository: its config as a blob, its manifest as the answer. */
function imageIn(
  repository: MemoryRepository,
  layers: readonly Layer[],
  { mediaType = mediaTypes.dockerManifest as string, diffIds = layers.map((layer) => layer.diffId) } = {},
): Manifest {
  const config = Buffer.from(JSON.stringify({ rootfs: { diff_ids: diffIds } }));
  repository.blobs.set(digestOf(config), config);
  return manifestOf(
    {
      config: { mediaType: mediaTypes.dockerConfig, size: config.length, digest: digestOf(config) },
      layers: layers.map(({ digest, mediaType: type = mediaTypes.dockerLayer, annotations }) => ({
        mediaType: type,
        size: 10,
        digest,
        annotations,
      })),
    },
    mediaType,
  );
}

async function imagesIn(repository: MemoryRepository, tags: readonly string[], log: Log) {
  const nothing = { repository, digests: new Map(), manifests: new Map(), isNew: false };
  const seen = tags.length === 0 ? nothing : await lookAtTags(repository, tags, () => 0, signal);
  return readKnownImages(seen, platform, () => false, log, signal);
}

async function knownIn(
  repository: MemoryRepository,
  tags: readonly string[],
  wanted: readonly Digest[],
  id = diffId('0'),
  compression: Compression = 'gzip',
) {
  const images = await imagesIn(repository, tags, logOf());
  return Object.fromEntries(
    [...(await mapKnownLayers(repository, images, { id, diffIds: wanted, compression }, signal))].map(
      ([key, value]) => [key, value.digest],
    ),
  );
}

describe('the layers that a repository has', () => {
  it('are found by the digest of their uncompressed bytes', async () => {
    const repository = new MemoryRepository();
    const layers = [
      { diffId: diffId('a'), digest: blob('1') },
      { diffId: diffId('b'), digest: blob('2') },
    ];
    repository.seed('1.0', imageIn(repository, layers));
    expect(await knownIn(repository, ['1.0'], [diffId('b'), diffId('c')])).toEqual({ [diffId('b')]: blob('2') });
  });

  it.each([
    ['gzip', 'application/vnd.docker.image.rootfs.diff.tar.gzip', 'application/vnd.oci.image.layer.v1.tar+gzip'],
    ['zstd', 'application/vnd.docker.image.rootfs.diff.tar.zstd', 'application/vnd.oci.image.layer.v1.tar+zstd'],
    ['uncompressed', 'application/vnd.docker.image.rootfs.diff.tar', 'application/vnd.oci.image.layer.v1.tar'],
  ] as const)('are taken again as %s only where they are packed so, by either family of types', async (...row) => {
    const [compression, ...types] = row;
    const repository = new MemoryRepository();
    const all = ['gzip', 'zstd', 'uncompressed'] as const;
    for (const [position, mediaType] of types.entries()) {
      const letter = String(position + 1);
      const layers = [{ diffId: diffId(letter), digest: blob(letter), mediaType }];
      repository.seed(`v${letter}`, imageIn(repository, layers));
    }
    for (const wanted of all) {
      const known = await knownIn(repository, ['v1', 'v2'], [diffId('1'), diffId('2')], undefined, wanted);
      expect(Object.keys(known)).toHaveLength(wanted === compression ? 2 : 0);
    }
  });

  it('are found behind `latest`, whatever the tags are', async () => {
    const repository = new MemoryRepository();
    repository.seed('latest', imageIn(repository, [{ diffId: diffId('a'), digest: blob('1') }]));
    expect(await knownIn(repository, ['2.0'], [diffId('a')])).toEqual({ [diffId('a')]: blob('1') });
  });

  it('come from the first of the tags when two have them', async () => {
    const repository = new MemoryRepository();
    repository.seed('1.0', imageIn(repository, [{ diffId: diffId('a'), digest: blob('1') }]));
    repository.seed('latest', imageIn(repository, [{ diffId: diffId('a'), digest: blob('2') }]));
    expect(await knownIn(repository, ['1.0'], [diffId('a')])).toEqual({ [diffId('a')]: blob('1') });
  });

  it('of an index are those of the platform, never of an attestation', async () => {
    const repository = new MemoryRepository();
    const children = [
      {
        image: imageIn(repository, [{ diffId: diffId('a'), digest: blob('1') }]),
        platform: { os: 'linux', architecture: 'arm64' },
      },
      { image: imageIn(repository, [{ diffId: diffId('b'), digest: blob('2') }]), platform },
      {
        image: imageIn(repository, [{ diffId: diffId('c'), digest: blob('3') }]),
        platform: { os: 'unknown', architecture: 'unknown' },
      },
    ];
    for (const { image } of children) repository.manifests.set(image.digest, image);
    const manifests = children.map(({ image, platform }) => ({
      mediaType: image.mediaType,
      size: image.bytes.length,
      digest: image.digest,
      platform,
    }));
    repository.seed('latest', manifestOf({ manifests }, mediaTypes.ociIndex));
    expect(await knownIn(repository, [], [diffId('a'), diffId('b'), diffId('c')])).toEqual({
      [diffId('b')]: blob('2'),
    });
  });

  it('of an OCI image are reused, whatever name their gzip has there', async () => {
    const repository = new MemoryRepository();
    const layer = { diffId: diffId('a'), digest: blob('1'), mediaType: mediaTypes.ociLayer };
    repository.seed('latest', imageIn(repository, [layer], { mediaType: mediaTypes.ociManifest }));
    expect(await knownIn(repository, [], [diffId('a')])).toEqual({ [diffId('a')]: blob('1') });
  });

  it.each<[string, Partial<Layer>]>([
    ['zstd', { mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }],
    ['foreign', { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }],
    ['uncompressed', { mediaType: 'application/vnd.oci.image.layer.v1.tar' }],
    ['seekable', { annotations: { 'containerd.io/snapshot/stargz/toc.digest': 'sha256:1' } }],
  ])('are left alone when they are %s', async (_, odd) => {
    const repository = new MemoryRepository();
    repository.seed('latest', imageIn(repository, [{ diffId: diffId('a'), digest: blob('1'), ...odd }]));
    expect(await knownIn(repository, [], [diffId('a')])).toEqual({});
  });

  it('are not guessed when config and manifest differ in their number', async () => {
    const repository = new MemoryRepository();
    const layers = [
      { diffId: diffId('a'), digest: blob('1') },
      { diffId: diffId('b'), digest: blob('2') },
    ];
    repository.seed('latest', imageIn(repository, layers, { diffIds: [diffId('a')] }));
    expect(await knownIn(repository, [], [diffId('a'), diffId('b')])).toEqual({});
  });

  it('need no config when the image is the very one', async () => {
    const repository = new MemoryRepository();
    const manifest = imageIn(repository, [{ diffId: diffId('a'), digest: blob('1') }]);
    const [config] = [...repository.blobs.keys()];
    repository.seed('latest', manifest);
    repository.blobs.clear();
    expect(await knownIn(repository, [], [diffId('a')], config as Digest)).toEqual({ [diffId('a')]: blob('1') });
    expect(repository.requests.filter((request) => request.startsWith('GET blob'))).toEqual([]);
  });

  it('are looked for in eight further manifests at most', async () => {
    const repository = new MemoryRepository();
    const tags = Array.from({ length: 20 }, (_, position) => `t${String(position)}`);
    for (const tag of tags) repository.seed(tag, manifestOf({ tag }));
    await knownIn(repository, tags, [diffId('a')]);
    const asked = (start: string): number => repository.requests.filter((request) => request.startsWith(start)).length;
    expect({ heads: asked('HEAD'), gets: asked('GET') }).toEqual({ heads: 19, gets: 9 });
  });

  it('are looked for no further once an image is enough', async () => {
    const repository = new MemoryRepository();
    for (const tag of ['1', '2'])
      repository.seed(tag, imageIn(repository, [{ diffId: diffId(tag), digest: blob(tag) }]));
    const seen = await lookAtTags(repository, ['1', '2'], () => 0, signal);
    expect(await readKnownImages(seen, platform, () => true, logOf(), signal)).toHaveLength(1);
    expect(repository.requests).toEqual(['GET 1', 'HEAD 2']);
  });

  it('are done without when a manifest cannot be read', async () => {
    const repository = new MemoryRepository();
    repository.seed('1.0', manifestOf({}));
    repository.fault = (request) => (request === 'GET latest' ? new Error('denied') : undefined);
    const log = logOf();
    expect(await imagesIn(repository, ['1.0'], log)).toEqual([]);
    expect(log.lines[0]).toContain('registry.test/app latest');
  });

  it('are done without when a config is damaged', async () => {
    const repository = new MemoryRepository();
    repository.seed('latest', imageIn(repository, [{ diffId: diffId('a'), digest: blob('1') }]));
    for (const key of repository.blobs.keys()) repository.blobs.set(key, Buffer.from('{"rootfs":'));
    expect(await knownIn(repository, [], [diffId('a')])).toEqual({});
  });
});
