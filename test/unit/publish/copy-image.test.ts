// What copying an image asks of each side: which requests go out, in which order, and which do not.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/base/digest.ts';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { copyImage, type CopyOptions } from '../../../src/publish/copy-image.ts';
import type { ImageSource } from '../../../src/publish/image-source.ts';
import type { Manifest } from '../../../src/publish/target.ts';
import { MemoryRepository } from './memory-repository.ts';
import { indexIn, pathOf } from './memory-image.ts';

const { signal } = new AbortController();
const quiet = { info: () => undefined, warn: () => undefined, debug: () => undefined };

/** Notes what is read; blobs are read with `GET blob`. */
function sourceOf(repository: MemoryRepository): ImageSource {
  return {
    name: repository.name,
    isMountable: true,
    getManifest: ({ digest }) => repository.getManifest(digest),
    openBlob: ({ digest }) =>
      Readable.from(
        (async function* () {
          yield await repository.readBlob(digest);
        })(),
        { objectMode: false },
      ),
  };
}

function copy(root: Manifest, from: MemoryRepository, more: Partial<CopyOptions>): ReturnType<typeof copyImage> {
  const options = { source: sourceOf(from), root, targets: [], log: quiet, onLayer: () => undefined };
  return copyImage({ ...options, patience: { tries: 1, waitMs: 1 }, ...more }, signal);
}

const shortened = (requests: readonly string[]): readonly string[] =>
  requests.map((request) => request.replace(/sha256:\w+/, 'digest'));

describe('copying an index', () => {
  it('within one repository asks for the tags and nothing else, and the source for nothing', async () => {
    const repository = new MemoryRepository('one.test/app');
    const { root } = indexIn(repository);
    const published = await copy(root, repository, { targets: [{ repository, tags: ['1', 'latest'] }] });
    expect(repository.requests).toEqual([
      'HEAD 1',
      'HEAD latest',
      'PUT digest 1,latest',
      'PUT 1',
      'PUT latest',
      'HEAD 1',
      'HEAD latest',
    ]);
    expect(published).toMatchObject({ digest: root.digest, uploadedBlobs: 0, imageBytes: undefined });
  });

  it('to a target where nothing changes costs one request per tag and one more', async () => {
    const source = new MemoryRepository('one.test/app');
    const target = new MemoryRepository('two.test/app');
    const { root } = indexIn(source);
    indexIn(target);
    for (const tag of ['1', 'latest']) target.seed(tag, root);
    await copy(root, source, { targets: [{ repository: target, tags: ['1', 'latest'] }] });
    expect(shortened(target.requests)).toEqual(['HEAD digest', 'HEAD 1', 'HEAD latest']);
    expect(source.requests).toEqual([]);
  });

  it('reads each manifest and each missing blob once, and none that is there', async () => {
    const source = new MemoryRepository('one.test/app');
    const target = new MemoryRepository('two.test/app');
    const { root, blobs, children } = indexIn(source);
    const [there = ''] = blobs.slice(-1);
    target.blobs.set(there, source.blobs.get(there) ?? Buffer.alloc(0));
    source.requests.length = 0;
    const published = await copy(root, source, { targets: [{ repository: target, tags: ['1'] }] });
    expect(source.requests.filter((request) => !request.includes('blob')).sort()).toEqual(
      children.map((digest) => `GET ${digest}`).sort(),
    );
    const moved = blobs.filter((digest) => digest !== there);
    expect(source.requests.filter((request) => request.includes('blob')).sort()).toEqual(
      moved.map((digest) => `GET blob ${digest}`).sort(),
    );
    expect(published.uploadedBlobs).toBe(moved.length);
    expect(target.tags.get('1')).toBe(root.digest);
    expect([...target.manifests.keys()].sort()).toEqual([...children, root.digest].sort());
  });

  it('serves one repository of a registry, and mounts into the others once that one has the manifest', async () => {
    const source = new MemoryRepository('one.test/app');
    const leader = new MemoryRepository('two.test/a');
    const other = new MemoryRepository('two.test/b');
    other.mountable.set(pathOf(leader.name), leader);
    const { root, blobs } = indexIn(source);
    source.requests.length = 0;
    const targets = [leader, other].map((repository) => ({ repository, tags: ['1'] }));
    const published = await copy(root, source, { targets });
    expect(published.uploadedBlobs).toBe(blobs.length);
    expect(source.requests.filter((request) => request.includes('blob'))).toHaveLength(blobs.length);
    expect([leader, other].map(({ tags }) => tags.get('1'))).toEqual([root.digest, root.digest]);
  });

  it('sends nothing when a tag that may not be moved shows another image', async () => {
    const source = new MemoryRepository('one.test/app');
    const [target, other] = [new MemoryRepository('two.test/app'), new MemoryRepository('three.test/app')];
    const { root, children } = indexIn(source);
    const elsewhere = source.manifests.get(children[0] ?? '');
    if (elsewhere !== undefined) other.seed('1.0', elsewhere);
    const targets = [target, other].map((repository) => ({ repository, tags: ['1.0', 'latest'] }));
    const rules = { immutableTags: ['*.*'], keepImmutable: false };
    const refused = copy(root, source, { targets, rules });
    await expect(refused).rejects.toMatchObject({ code: 'tag-immutable', exitCode: 4 });
    for (const { requests } of [target, other]) expect(shortened(requests)).toEqual(['HEAD digest', 'HEAD 1.0']);
    await copy(root, source, { targets, rules: { ...rules, keepImmutable: true } });
    expect(other.tags.get('latest')).toBe(root.digest);
  });

  it('is looked into before a byte of it goes out, and not when everybody has it', async () => {
    const source = new MemoryRepository('one.test/app');
    const target = new MemoryRepository('two.test/app');
    const { root, configs } = indexIn(source);
    const seen: Digest[] = [];
    const targets = [{ repository: target, tags: ['1'] }];
    const inspect: CopyOptions['inspect'] = async (manifest, content, stop) => {
      seen.push(manifest.digest);
      for (const config of configs) expect((await content.readBlob(config, 1000, stop)).length).toBeGreaterThan(2);
      throw new PluginError({ code: 'secret-in-image', exitCode: 7, message: 'a secret' });
    };
    await expect(copy(root, source, { targets, inspect })).rejects.toMatchObject({ exitCode: 7 });
    expect(seen).toEqual([root.digest]);
    expect(shortened(target.requests)).toEqual(['HEAD digest']);
    indexIn(target);
    // In an archive a look costs nothing.
    const archive = { ...sourceOf(source), isMountable: false };
    await expect(copy(root, source, { targets, inspect, source: archive })).rejects.toMatchObject({ exitCode: 7 });
    await copy(root, source, { targets, inspect });
    expect(target.tags.get('1')).toBe(root.digest);
    expect(seen).toHaveLength(2);
  });

  it('is given again to a registry that has lost a blob before the manifest', async () => {
    const source = new MemoryRepository('one.test/app');
    const target = new MemoryRepository('two.test/app');
    const { root, blobs } = indexIn(source);
    const lost = blobs[0] ?? '';
    let losses = 0;
    target.fault = (request) => {
      if (request !== 'PUT digest' || losses > 0) return undefined;
      losses += 1;
      target.blobs.delete(lost);
      return new PluginError({ code: 'blob-lost', exitCode: 4, message: 'lost' });
    };
    const published = await copy(root, source, { targets: [{ repository: target, tags: ['1'] }] });
    expect(losses).toBe(1);
    expect(target.blobs.has(lost)).toBe(true);
    expect(published.uploadedBlobs).toBe(blobs.length + 1);
    target.tags.clear();
    target.manifests.clear();
    target.requests.length = 0;
    target.fault = (request) =>
      request === 'PUT digest' ? new PluginError({ code: 'blob-lost', exitCode: 4, message: 'lost' }) : undefined;
    await expect(copy(root, source, { targets: [{ repository: target, tags: ['1'] }] })).rejects.toThrow('lost');
    // Three tries, for each of the three children that go at the same time.
    expect(target.requests.filter((request) => request === 'PUT digest').length).toBeLessThanOrEqual(9);
  });
});

it('sends everything again to a registry that says a second time that it misses something', async () => {
  const source = new MemoryRepository('one.test/app');
  const target = new MemoryRepository('two.test/app');
  const { root, blobs } = indexIn(source);
  let refusals = 0;
  target.fault = (request) => {
    if (request !== 'PUT 1' || refusals === 2) return undefined;
    refusals += 1;
    return new PluginError({ code: 'blob-lost', exitCode: 4, message: 'lost' });
  };
  const sent: Parameters<MemoryRepository['ensureBlob']>[0][] = [];
  const ensure = target.ensureBlob.bind(target);
  target.ensureBlob = (blob) => {
    sent.push(blob);
    return ensure(blob);
  };
  await copy(root, source, { targets: [{ repository: target, tags: ['1'] }] });
  expect(target.tags.get('1')).toBe(root.digest);
  expect(sent.map(({ isLost = false }) => isLost)).toEqual([
    ...blobs.map(() => false),
    ...blobs.map(() => false),
    ...blobs.map(() => true),
  ]);
});

it.each([404, 405])('says so when a registry answers %i to the manifest of a child', async (status) => {
  const source = new MemoryRepository('one.test/app');
  const target = new MemoryRepository('two.test/app');
  const { root } = indexIn(source);
  target.fault = (request) => (request === 'PUT digest' ? Object.assign(new Error('no child'), { status }) : undefined);
  await expect(copy(root, source, { targets: [{ repository: target, tags: ['1'] }] })).rejects.toThrow('no child');
  expect(target.requests).not.toContain('PUT 1');
});

it('names the source when a part of it is missing', async () => {
  const source = new MemoryRepository('one.test/app');
  const target = new MemoryRepository('two.test/app');
  const { root, children } = indexIn(source);
  source.manifests.delete(children[0] ?? '');
  const copying = copy(root, source, { targets: [{ repository: target, tags: ['1'] }] });
  await expect(copying).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('source one.test/app') as unknown,
  });
  expect(createHash('sha256').update(root.bytes).digest('hex')).toBe(root.digest.slice('sha256:'.length));
});
