import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/base/digest.ts';
import type { ImageSource } from '../../../src/publish/image-source.ts';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { noTagRules } from '../../../src/publish/immutable-tags.ts';
import { mediaTypes } from '../../../src/publish/manifest.ts';
import { publishFromDaemonPush } from '../../../src/publish/push-from-daemon.ts';
import type { Manifest } from '../../../src/publish/target.ts';
import { digestOf, manifestOf, MemoryRepository } from './memory-repository.ts';

const signal = new AbortController().signal;
const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
const patience = { tries: 3, waitMs: 1 };
const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const descriptor = (letter: string, size: number) => ({ mediaType: 'x', digest: digest(letter), size });

const image = manifestOf({ config: descriptor('a', 5), layers: [descriptor('b', 100), descriptor('b', 100)] });
const sibling = manifestOf({ config: descriptor('c', 7), layers: [descriptor('b', 100), descriptor('d', 30)] });
const index = manifestOf(
  {
    manifests: [image, sibling].map(({ mediaType, bytes, digest }) => ({ mediaType, size: bytes.length, digest })),
  },
  mediaTypes.dockerList,
);

function repositoryWith(...manifests: readonly Manifest[]): MemoryRepository {
  const repository = new MemoryRepository();
  for (const manifest of manifests) repository.manifests.set(manifest.digest, manifest);
  return repository;
}

const publish = (
  repositories: readonly MemoryRepository[],
  pushed: Digest,
  tags: readonly string[] = ['1.0.0', 'latest'],
  pushedTo = repositories,
  rules = noTagRules,
) =>
  publishFromDaemonPush(
    {
      targets: repositories.map((repository) => ({ repository, tags })),
      digest: pushed,
      repositories: pushedTo.map(({ name }) => name),
      sourceAt: (name) => sourceOf(repositories.find((repository) => repository.name === name)),
      onLayer: () => undefined,
      log,
      rules,
      patience,
    },
    signal,
  );

function sourceOf(repository: MemoryRepository | undefined): ImageSource {
  if (repository === undefined) throw new Error('no such repository');
  return {
    name: repository.name,
    isMountable: true,
    getManifest: ({ digest: wanted }) => repository.getManifest(wanted),
    openBlob: ({ digest: wanted }) =>
      Readable.from([repository.blobs.get(wanted) ?? Buffer.alloc(0)], { objectMode: false }),
  };
}

/** Refuses the first PUT of a tag, for want of a blob. */
function missingOne(repository: MemoryRepository): MemoryRepository {
  let isFirst = true;
  repository.fault = (request) => {
    if (request !== 'PUT 1' || !isFirst) return undefined;
    isFirst = false;
    return new PluginError({ code: 'blob-lost', exitCode: 4, message: 'host has lost a layer' });
  };
  return repository;
}

describe('an image of which a registry misses a blob when it is tagged', () => {
  it('gets its tag when the blob is there after all', async () => {
    const repository = missingOne(repositoryWith(image));
    for (const letter of ['a', 'b']) repository.blobs.set(digest(letter), Buffer.alloc(0));
    await publish([repository], image.digest, ['1']);
    expect(repository.tags.get('1')).toBe(image.digest);
  });

  it('needs no blobs that registries never have', async () => {
    const url = { ...descriptor('f', 9), mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' };
    const foreign = manifestOf({ config: descriptor('a', 5), layers: [url] });
    const repository = missingOne(repositoryWith(foreign));
    repository.blobs.set(digest('a'), Buffer.alloc(0));
    await publish([repository], foreign.digest, ['1']);
    expect(repository.tags.get('1')).toBe(foreign.digest);
  });

  it('gets none when a manifest of its index is gone', async () => {
    const repository = missingOne(repositoryWith(index, image, sibling));
    for (const letter of ['a', 'b', 'c', 'd']) repository.blobs.set(digest(letter), Buffer.alloc(0));
    const refuse = repository.fault;
    repository.fault = (request) => {
      if (request === 'PUT 1') repository.manifests.delete(sibling.digest);
      return refuse(request);
    };
    await expect(publish([repository], index.digest, ['1'])).rejects.toMatchObject({ code: 'blob-lost' });
  });

  it('gets none when it is really gone', async () => {
    const repository = missingOne(repositoryWith(image));
    repository.blobs.set(digest('a'), Buffer.alloc(0));
    await expect(publish([repository], image.digest, ['1'])).rejects.toMatchObject({
      code: 'blob-lost',
      exitCode: 4,
    });
    expect(repository.tags.size).toBe(0);
  });
});

describe('an image that the daemon has pushed', () => {
  it('gets its tags, and is measured with each blob counted once', async () => {
    const repository = repositoryWith(image);
    const published = await publish([repository], image.digest);
    expect(published).toMatchObject({
      digest: image.digest,
      mediaType: image.mediaType,
      imageBytes: 105,
      uploadedBytes: 0,
    });
    expect(repository.tags.get('latest')).toBe(image.digest);
  });

  it('is tagged whole when it is an index', async () => {
    const repository = repositoryWith(index, image, sibling);
    expect(await publish([repository], index.digest)).toMatchObject({
      mediaType: mediaTypes.dockerList,
      imageBytes: 142,
    });
  });

  it('needs no PUT by digest for a single tag', async () => {
    const repository = repositoryWith(image);
    await publish([repository], image.digest, ['latest']);
    expect(repository.requests.filter((request) => request.startsWith('PUT'))).toEqual(['PUT latest']);
  });

  it('is waited for while a replica is behind', async () => {
    const repository = repositoryWith(image);
    const real = repository.getManifest.bind(repository);
    let calls = 0;
    repository.getManifest = async (reference) => ((calls += 1) < 3 ? undefined : real(reference));
    expect((await publish([repository], image.digest)).tags).toHaveLength(2);
  });
});

describe('further registries', () => {
  const config = Buffer.from('{}');
  const small = manifestOf({
    config: { mediaType: 'x', digest: digestOf(config), size: config.length },
    layers: [],
  });

  it('get a copy from the one that the daemon has pushed to, and tags with it', async () => {
    const pushed = repositoryWith(small);
    pushed.blobs.set(digestOf(config), config);
    const other = new MemoryRepository('other.test/app');
    const published = await publish([other, pushed], small.digest, ['1'], [pushed]);
    expect(published.tags.map(({ repository, outcome }) => [repository, outcome])).toEqual([
      ['other.test/app', 'created'],
      ['registry.test/app', 'created'],
    ]);
    expect(published).toMatchObject({ uploadedBlobs: 1, uploadedBytes: config.length });
    expect(other.manifests.get(small.digest)?.bytes).toEqual(small.bytes);
  });

  it('are given again what they have lost by the time of the tags', async () => {
    const pushed = repositoryWith(small);
    pushed.blobs.set(digestOf(config), config);
    const other = missingOne(new MemoryRepository('other.test/app'));
    const refuse = other.fault;
    other.fault = (request) => {
      const error = refuse(request);
      if (error !== undefined) other.blobs.clear();
      return error;
    };
    await publish([other, pushed], small.digest, ['1'], [pushed]);
    expect(other.blobs.has(digestOf(config))).toBe(true);
    expect(other.tags.get('1')).toBe(small.digest);
  });

  it('get nothing when a tag at the first one may not be moved', async () => {
    const pushed = repositoryWith(small);
    pushed.seed('1', image);
    const other = new MemoryRepository('other.test/app');
    const publishing = publish([pushed, other], small.digest, ['1'], [pushed], { ...noTagRules, immutableTags: 'all' });
    await expect(publishing).rejects.toMatchObject({ code: 'tag-immutable' });
    expect(other.requests).toEqual([]);
  });

  it('are part of all or nothing: no tag moves when one of them cannot be served', async () => {
    const pushed = repositoryWith(small);
    pushed.blobs.set(digestOf(config), config);
    const other = new MemoryRepository('other.test/app');
    other.fault = (request) => (request.startsWith('ensure') ? new Error('full') : undefined);
    await expect(publish([pushed, other], small.digest, ['1'], [pushed])).rejects.toThrow('full');
    expect(pushed.tags.size).toBe(0);
  });
});

describe('nothing is tagged anywhere', () => {
  it('when one of two repositories does not show the image', async () => {
    const good = repositoryWith(image);
    const empty = repositoryWith();
    await expect(publish([good, empty], image.digest)).rejects.toMatchObject({ exitCode: 4, code: 'manifest-missing' });
    expect(good.tags.size).toBe(0);
  });

  it('when an index lacks one of its images', async () => {
    const repository = repositoryWith(index, image);
    await expect(publish([repository], index.digest)).rejects.toMatchObject({ exitCode: 4, code: 'manifest-missing' });
    expect(repository.tags.size).toBe(0);
  });

  it('when the registry answers with other bytes', async () => {
    const repository = repositoryWith({ ...sibling, digest: image.digest });
    await expect(publish([repository], image.digest)).rejects.toMatchObject({ exitCode: 7, code: 'integrity' });
    expect(repository.tags.size).toBe(0);
  });

  it('when what was pushed is no image', async () => {
    const odd = manifestOf({ schemaVersion: 1 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws');
    await expect(publish([repositoryWith(odd)], odd.digest)).rejects.toMatchObject({ exitCode: 7 });
  });
});
