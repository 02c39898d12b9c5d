import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readImageArchive } from '../../../src/publish/image-archive.ts';
import type { ArchiveFiles } from '../../../src/publish/tar-index.ts';
import { digestOf } from './memory-repository.ts';

const warnings: string[] = [];
const log = { info: () => undefined, warn: (line: string) => void warnings.push(line), debug: () => undefined };
const { signal } = new AbortController();

type Contents = Readonly<Record<string, string | Buffer>>;

function filesOf(contents: Contents): ArchiveFiles {
  return new Map(
    Object.entries(contents).map(([name, content]) => {
      const bytes = Buffer.from(content);
      return [name, { sizeBytes: bytes.length, open: () => Readable.from([bytes], { objectMode: false }) }];
    }),
  );
}

const blobName = (bytes: string | Buffer): string => `blobs/${digestOf(Buffer.from(bytes)).replace(':', '/')}`;
const entry = (bytes: string | Buffer, mediaType: string, platform?: object) => ({
  mediaType,
  digest: digestOf(Buffer.from(bytes)),
  size: Buffer.from(bytes).length,
  platform,
});

const oci = 'application/vnd.oci.image';
const layer = gzipSync('layer');
const config = '{"os":"linux"}';
const image = (name: string) =>
  JSON.stringify({
    name,
    config: entry(config, `${oci}.config.v1+json`),
    layers: [entry(layer, `${oci}.layer.v1.tar+gzip`)],
  });
const indexJson = (...manifests: readonly string[]): string =>
  JSON.stringify({ manifests: manifests.map((text) => entry(text, `${oci}.manifest.v1+json`)) });
const layout = (...images: readonly string[]): Contents => ({
  'index.json': indexJson(...images),
  [blobName(config)]: config,
  [blobName(layer)]: layer,
  ...Object.fromEntries(images.map((text) => [blobName(text), text])),
});

describe('an OCI archive', () => {
  it('gives its one image as it is, with the media type of the index', async () => {
    const archived = await readImageArchive(filesOf(layout(image('a'))), { display: 'a.tar', log }, signal);
    if (archived.kind !== 'oci') throw new Error(archived.kind);
    expect(archived.root).toMatchObject({
      digest: digestOf(Buffer.from(image('a'))),
      mediaType: `${oci}.manifest.v1+json`,
    });
    const blob = { digest: digestOf(layer), sizeBytes: layer.length };
    expect(layer.equals(await buffer(archived.source.openBlob(blob, signal)))).toBe(true);
  });

  it.each<readonly [string, Contents, number, RegExp]>([
    ['several images', layout(image('a'), image('b')), 2, /it holds 2 images, and must hold one/],
    ['no image', { 'index.json': '{"manifests":[]}' }, 2, /its index.json names no image/],
    ['nothing that is known', { 'readme.txt': 'hello' }, 2, /neither an index.json nor a manifest.json/],
    ['no manifest', { 'index.json': indexJson(image('a')) }, 2, /it lacks sha256:/],
    ['other bytes', { ...layout(image('a')), [blobName(image('a'))]: image('b') }, 7, /has other bytes than that/],
  ])('with %s is refused', async (_, contents, exitCode, words) => {
    const reading = readImageArchive(filesOf(contents), { display: 'a.tar', log }, signal);
    await expect(reading).rejects.toMatchObject({ exitCode, message: expect.stringMatching(words) as unknown });
  });

  it('fails where a blob is missing or has another size', async () => {
    const archived = await readImageArchive(filesOf(layout(image('a'))), { display: 'a.tar', log }, signal);
    if (archived.kind !== 'oci') throw new Error(archived.kind);
    const { source } = archived;
    const digest = digestOf(layer);
    expect(() => source.openBlob({ digest, sizeBytes: 1 }, signal)).toThrow(/in place of 1/);
    expect(() => source.openBlob({ digest: digestOf(Buffer.from('x')), sizeBytes: 1 }, signal)).toThrow(/it lacks/);
  });

  it('is one image of an index when only that one is there', async () => {
    const there = image('a');
    const missing = image('b');
    const index = JSON.stringify({
      manifests: [
        entry(there, `${oci}.manifest.v1+json`, { os: 'linux', architecture: 'amd64' }),
        entry(missing, `${oci}.manifest.v1+json`, { os: 'linux', architecture: 'arm64' }),
      ],
    });
    const contents = {
      ...layout(there),
      'index.json': JSON.stringify({ manifests: [entry(index, `${oci}.index.v1+json`)] }),
      [blobName(index)]: index,
    };
    const archived = await readImageArchive(filesOf(contents), { display: 'a.tar', log }, signal);
    expect(archived).toMatchObject({ kind: 'oci', root: { digest: digestOf(Buffer.from(there)) } });
    expect(warnings.at(-1)).toMatch(/a\.tar has one image of the index sha256:/);
  });
});

describe('an OCI layout with what refers to its image', () => {
  const subject = entry(image('a'), `${oci}.manifest.v1+json`);
  const signature = JSON.stringify({ ...(JSON.parse(image('s')) as object), subject });
  const list = JSON.stringify({ manifests: [entry(signature, `${oci}.manifest.v1+json`)] });
  const listTag = digestOf(Buffer.from(image('a'))).replace(':', '-');
  const named = (text: string, type: string, annotations?: object) => ({
    ...entry(text, `${oci}.${type}.v1+json`),
    annotations,
  });
  const withName = (name: string) => ({ 'org.opencontainers.image.ref.name': name });

  it.each([
    ['by its subject', [named(image('a'), 'manifest'), named(signature, 'manifest')], 'subject'],
    ['by a list under a tag', [named(list, 'index', withName(listTag)), named(image('a'), 'manifest')], 'subject'],
    [
      'by a tag of cosign',
      [
        named(image('a'), 'manifest', withName('x.test/a:1')),
        named(image('s'), 'manifest', withName(`x.test/a:${listTag}.sig`)),
      ],
      'tag',
    ],
    [
      'by the kind that cosign notes',
      [named(image('s'), 'manifest', { kind: 'dev.cosignproject.cosign/sigs' }), named(image('a'), 'manifest')],
      'tag',
    ],
  ])('%s has one image, and finds it', async (_, manifests, way) => {
    const contents = {
      ...layout(image('a'), image('s')),
      'index.json': JSON.stringify({ manifests }),
      [blobName(signature)]: signature,
      [blobName(list)]: list,
    };
    const archived = await readImageArchive(filesOf(contents), { display: 'a.tar', log }, signal);
    if (archived.kind !== 'oci') throw new Error(archived.kind);
    const { root, source } = archived;
    expect(root.digest).toBe(subject.digest);
    const listed = (await source.listReferrers?.(root.digest, signal)) ?? [];
    const tagged = await source.getTagged?.(`${listTag}.sig`, signal);
    const found = way === 'tag' ? tagged?.digest : listed.map(({ digest }) => digest)[0];
    expect(found).toBe(digestOf(Buffer.from(way === 'tag' ? image('s') : signature)));
    expect(await source.getTagged?.(`${listTag}.att`, signal)).toBeUndefined();
  });
});

describe('an archive of docker save', () => {
  const tar = Buffer.from('this is a layer');
  const saved = JSON.stringify({ os: 'linux', architecture: 'arm64', rootfs: { diff_ids: [digestOf(tar)] } });
  const list = (layers: readonly string[]): string => JSON.stringify([{ Config: 'c.json', Layers: layers }]);

  it.each([
    ['as it is', tar],
    ['gzipped', gzipSync(tar)],
  ])('has its layer %s', async (_, bytes) => {
    const files = filesOf({ 'manifest.json': list(['l/layer.tar']), 'c.json': saved, 'l/layer.tar': bytes });
    const archived = await readImageArchive(files, { display: 'a.tar', log }, signal);
    if (archived.kind !== 'saved') throw new Error(archived.kind);
    expect(archived.image).toMatchObject({ id: digestOf(Buffer.from(saved)), architecture: 'arm64' });
    const parts: string[] = [];
    await archived.reader.read(signal, async (part) => {
      parts.push(`${part.kind} ${(await buffer(Readable.from(part.content))).toString()}`);
      return 'more';
    });
    expect(parts).toEqual([`config ${saved}`, 'blob this is a layer']);
  });

  it.each<readonly [string, Contents, RegExp]>([
    ['a layer that is not there', { 'manifest.json': list(['gone']), 'c.json': saved }, /it lacks "gone"/],
    ['fewer layers than its config', { 'manifest.json': list([]), 'c.json': saved }, /does not fit its 0 layers/],
    ['two images', { 'manifest.json': '[{},{}]' }, /it holds 2 images/],
  ])('with %s is refused', async (_, contents, words) => {
    await expect(readImageArchive(filesOf(contents), { display: 'a.tar', log }, signal)).rejects.toThrow(words);
  });
});
