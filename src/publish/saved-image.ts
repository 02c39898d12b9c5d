// The image in an archive of `docker save`, or of a builder that writes the same form (kaniko, skopeo): manifest.json names a
// config and the layers, which may be compressed. What is handed on is checked like an export of the daemon.
// https://github.com/moby/docker-image-spec (v1.2, "Combined Image JSON + Filesystem Changeset Format")
import { posix } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Digest, sha256 } from '../base/digest.ts';
import type { ByteStream } from '../engine/export-image.ts';
import type { ImageFacts } from '../engine/inspect-image.ts';
import { readMetadata, unusable } from './archive-parts.ts';
import type { ImageReader } from './collect-image.ts';
import { parseJson, givenText, textsOf } from '../base/json-fields.ts';
import { readDiffIds } from './manifest.ts';
import type { ArchiveFile, ArchiveFiles } from './tar-index.ts';

interface SavedLayer {
  readonly diffId: Digest;
  readonly file: ArchiveFile;
}

/** Reads config and layers by the list in manifest.json. Throws PluginError exit 2 when that makes no image. */
export async function readSavedImage(
  files: ArchiveFiles,
  list: ArchiveFile,
  display: string,
): Promise<{ readonly image: ImageFacts; readonly reader: ImageReader }> {
  const images = parseJson(await readMetadata(list, display, 'manifest.json'));
  const count = Array.isArray(images) ? images.length : 0;
  if (!Array.isArray(images) || count !== 1)
    throw unusable(display, `it holds ${String(count)} images, and must hold one`);
  const [entry]: unknown[] = images;
  const find = (name: string): ArchiveFile => {
    const file = files.get(posix.normalize(name));
    if (file === undefined) throw unusable(display, `it lacks ${JSON.stringify(name)}, which its manifest.json names`);
    return file;
  };
  const configName = givenText(entry, 'Config');
  const layerNames = textsOf(entry, 'Layers');
  if (configName === undefined || layerNames === undefined) throw unusable(display, 'its manifest.json names no image');
  const config = await readMetadata(find(configName), display, 'config');
  const diffIds = readDiffIds(config);
  if (diffIds?.length !== layerNames.length || layerNames.length === 0) {
    throw unusable(display, `its config does not fit its ${String(layerNames.length)} layers`);
  }
  const layers = diffIds.map((diffId, position) => ({ diffId, file: find(layerNames[position] ?? '') }));
  return { image: factsOf(config, diffIds), reader: readerOf(config, layers, display) };
}

function factsOf(config: Buffer, diffIds: readonly Digest[]): ImageFacts {
  const json = parseJson(config);
  const variant = givenText(json, 'variant');
  return {
    id: sha256(config),
    diffIds,
    os: givenText(json, 'os') ?? 'linux',
    architecture: givenText(json, 'architecture') ?? '',
    ...(variant === undefined || variant === '' ? {} : { variant }),
    sizeBytes: 0,
  };
}

function readerOf(config: Buffer, layers: readonly SavedLayer[], display: string): ImageReader {
  const id = sha256(config);
  return {
    what: `source ${display}`,
    async read(signal, visit) {
      const content = Readable.from([config], { objectMode: false });
      if ((await visit({ kind: 'config', claimed: id, sizeBytes: config.length, content })) === 'stop') return;
      for (const { diffId, file } of layers) {
        signal.throwIfAborted();
        const part = {
          kind: 'blob',
          claimed: diffId,
          sizeBytes: file.sizeBytes,
          content: unpacked(file, display),
        } as const;
        if ((await visit(part)) === 'stop') return;
      }
    },
  };
}

/** The uncompressed bytes of a layer, however it was saved. Nothing is opened until somebody reads. */
async function* unpacked(file: ArchiveFile, display: string): ByteStream & AsyncGenerator<Uint8Array> {
  const head = await firstBytes(file);
  if (head.readUInt32LE(0) === zstdMagic)
    throw unusable(display, 'its layers are packed by zstd; save them as an OCI archive');
  const bytes: AsyncIterable<Uint8Array> =
    head.readUInt16LE(0) === gzipMagic ? pipeline(file.open(), createGunzip(), () => undefined) : file.open();
  try {
    yield* bytes;
  } catch (error) {
    const isDamage = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
    throw isDamage ? unusable(display, 'a layer cannot be unpacked', error) : error;
  }
}

const gzipMagic = 0x8b1f;
const zstdMagic = 0xfd2fb528;

/** Four bytes, zeros behind the end. */
async function firstBytes(file: ArchiveFile): Promise<Buffer> {
  for await (const chunk of file.open()) {
    if (chunk instanceof Uint8Array) return Buffer.concat([chunk.subarray(0, 4), Buffer.alloc(4)]);
  }
  return Buffer.alloc(4);
}
