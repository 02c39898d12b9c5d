import { readdirSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import type { ExportTarget } from '../../../src/buildkit/session/file-send.ts';
import { publishReceived } from '../../../src/publish/publish-received.ts';
import { ReceivedArchive } from '../../../src/publish/received-archive.ts';
import { makeTemporaryFolder } from '../../support/workspace.ts';
import { digestOf, manifestOf, MemoryRepository } from './memory-repository.ts';

const { signal } = new AbortController();
const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
const config = Buffer.from('{"os":"linux"}');
/** More than a tar reader takes in at once. */
const layer = Buffer.alloc(3_000_000, 'layer ');
const part = (bytes: Buffer) => ({ mediaType: 'x', digest: digestOf(bytes), size: bytes.length });
const image = manifestOf({ config: part(config), layers: [part(layer)] });
const manifest = Buffer.from(image.bytes);
const blobName = (bytes: Buffer): string => `blobs/${digestOf(bytes).replace(':', '/')}`;
const index = JSON.stringify({
  manifests: [{ mediaType: image.mediaType, digest: image.digest, size: manifest.length, annotations: { a: 'b' } }],
});
const entries: Readonly<Record<string, string | Buffer>> = {
  [blobName(config)]: config,
  [blobName(layer)]: layer,
  [blobName(manifest)]: manifest,
  'oci-layout': '{}',
  'index.json': index,
};

/** A tar as it comes over the wire. */
async function* tarOf(contents: typeof entries, cutAt = Infinity): AsyncGenerator<Uint8Array> {
  const tar = pack();
  for (const [name, content] of Object.entries(contents)) tar.entry({ name }, content);
  tar.finalize();
  const bytes = (await buffer(tar)).subarray(0, cutAt);
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

async function receive(target: ExportTarget, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  if (target.content.kind !== 'file') throw new Error('it wants a folder');
  await target.content.receive(bytes, undefined, signal);
}

function publish(archive: ReceivedArchive, repository: MemoryRepository, digest = image.digest) {
  const targets = [{ repository, tags: ['1'] }];
  return publishReceived({ files: archive.files, digest, targets, log, onLayer: () => undefined }, signal);
}

describe('an image that the daemon hands over', () => {
  it('is published byte for byte, without its index.json', async () => {
    const archive = new ReceivedArchive(makeTemporaryFolder());
    await receive(archive.exportTarget, tarOf(entries));
    const repository = new MemoryRepository();
    const published = await publish(archive, repository);
    expect(published).toMatchObject({ digest: image.digest, uploadedBlobs: 2 });
    expect(repository.tags.get('1')).toBe(image.digest);
    expect([...repository.manifests.keys()]).toEqual([image.digest]);
    expect(layer.equals(repository.blobs.get(digestOf(layer)) ?? Buffer.alloc(0))).toBe(true);
  });

  it('may come twice: the last one counts, and one file is left', async () => {
    const folder = makeTemporaryFolder();
    const archive = new ReceivedArchive(folder);
    await receive(archive.exportTarget, tarOf({ 'index.json': '{}' }));
    await receive(archive.exportTarget, tarOf(entries));
    expect(readdirSync(folder)).toHaveLength(1);
    expect(await publish(archive, new MemoryRepository())).toMatchObject({ digest: image.digest });
  });

  it.each([
    ['a part has other bytes than its name says', tarOf({ ...entries, [blobName(layer)]: Buffer.alloc(3_000_000) })],
    ['it breaks off within a part', tarOf(entries, 2_000_000)],
    ['it is no tar', tarOf({}, 0)],
  ])('is refused when %s, and leaves no file', async (_, bytes) => {
    const folder = makeTemporaryFolder();
    const archive = new ReceivedArchive(folder);
    const damaged = { exitCode: 7, code: 'export-damaged' };
    await expect(receive(archive.exportTarget, bytes)).rejects.toMatchObject(damaged);
    expect(() => archive.files).toThrow(expect.objectContaining(damaged));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is refused when it is another one than was built', async () => {
    const archive = new ReceivedArchive(makeTemporaryFolder());
    await receive(archive.exportTarget, tarOf(entries));
    const other = publish(archive, new MemoryRepository(), digestOf(config));
    await expect(other).rejects.toMatchObject({ exitCode: 7 });
  });

  it('is refused when a part is missing', async () => {
    const archive = new ReceivedArchive(makeTemporaryFolder());
    const { [blobName(layer)]: _, ...others } = entries;
    await receive(archive.exportTarget, tarOf(others));
    const repository = new MemoryRepository();
    await expect(publish(archive, repository)).rejects.toMatchObject({ exitCode: 7, code: 'export-damaged' });
    expect(repository.tags.size).toBe(0);
  });
});
