import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ImageSource } from '../../../src/publish/image-source.ts';
import { checkPlatform, pickPlatform } from '../../../src/publish/pick-platform.ts';
import type { Manifest } from '../../../src/publish/target.ts';
import { indexIn } from './memory-image.ts';
import { manifestOf, MemoryRepository } from './memory-repository.ts';

const { signal } = new AbortController();
const repository = new MemoryRepository('one.test/app');
const { root, children } = indexIn(repository);
const source: ImageSource = {
  name: repository.name,
  isMountable: true,
  getManifest: ({ digest }) => repository.getManifest(digest),
  openBlob: ({ digest }) => Readable.from([repository.blobs.get(digest)], { objectMode: false }),
};

const lines: string[] = [];
const log = { info: (line: string) => void lines.push(line), warn: () => undefined, debug: () => undefined };
const pick = (platform: string, from: Manifest = root): Promise<Manifest> =>
  pickPlatform(from, platform, source, log, signal);

describe('the image of a platform', () => {
  it.each([
    ['linux/amd64', 0],
    ['linux/amd64/v1', 0],
    ['linux/arm64', 1],
    ['linux/arm64/v8', 1],
  ])('%s of an index is its own manifest, and the log says that the digest is another', async (platform, at) => {
    expect((await pick(platform)).digest).toBe(children[at]);
    expect(lines.at(-1)).toContain(`not the index ${root.digest}`);
  });

  it.each(['linux/arm/v7', 'linux/amd64/v3', 'unknown/unknown', 'windows/amd64'])(
    '%s is missing, in words that say what is there',
    async (platform) => {
      const message = expect.stringContaining(`for ${platform}, only for linux/amd64, linux/arm64`) as unknown;
      await expect(pick(platform)).rejects.toMatchObject({ exitCode: 2, code: 'platform-missing', message });
    },
  );

  it('is the image itself where there is no index, if its config says so', async () => {
    const image = await repository.getManifest(children[1] ?? '');
    if (image === undefined) throw new Error('no image');
    expect(await pick('linux/arm64', image)).toBe(image);
    await expect(pick('linux/amd64', image)).rejects.toThrow('only for linux/arm64');
  });

  it('is refused where several fit', async () => {
    const [amd64 = ''] = children;
    const descriptor = (digest: string) => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest,
      size: 1,
      platform: { os: 'windows', architecture: 'amd64' },
    });
    const index = manifestOf(
      { manifests: [amd64, children[1] ?? ''].map(descriptor) },
      'application/vnd.oci.image.index.v1+json',
    );
    await expect(pick('windows/amd64', index)).rejects.toMatchObject({ code: 'platform-ambiguous' });
  });
});

it('counts a platform without a variant as its usual one', () => {
  const arm = { os: 'linux', architecture: 'arm' };
  expect(() => checkPlatform('a.tar', 'linux/arm', { ...arm, variant: 'v7' })).not.toThrow();
  expect(() => checkPlatform('a.tar', 'linux/arm/v6', arm)).toThrow(/a\.tar has no image for linux\/arm\/v6/);
});
