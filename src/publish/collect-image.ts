// Gets the missing parts of an image out of a graphdriver daemon, or an archive: it is read once, each missing layer is
// packed into a file as it passes, and handed on the moment its file is complete, while the export goes on. Nothing
// is believed: a layer is what its bytes hash to, and so is the config.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Digest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { ByteStream, ExportEntry, Wish } from '../engine/export-image.ts';
import { diffIdOfFolder } from '../engine/older-layout.ts';
import type { ImageFacts } from '../engine/inspect-image.ts';
import { type CompressedLayer, compressLayer } from './compress-layer.ts';
import type { ImageFormat } from './image-format.ts';
import type { KnownBlob } from './known-layers.ts';
import { wordDiskFailure } from './temporary-folder.ts';
import type { LocalBlob } from './upload-blob.ts';

const maxConfigBytes = 16 * 1024 * 1024;

/** Shows the parts of an image, one after the other; unread ones are skipped. */
export interface ImageReader {
  /** For messages: "the daemon's export of docker-build.invalid/app:1-2". */
  readonly what: string;
  read(signal: AbortSignal, visit: (entry: ExportEntry) => Promise<Wish>): Promise<void>;
}

export interface CollectOptions {
  readonly reader: ImageReader;
  /** What is said to be in there. */
  readonly image: ImageFacts;
  /** What need not be fetched: layers by diffID, the config by its own digest. */
  readonly known: ReadonlyMap<Digest, KnownBlob>;
  /** Folder of our own for the files; whoever made it removes it. */
  readonly folder: string;
  readonly format: ImageFormat;
  readonly parallelism: number;
  /** Called at the moment a part lies here; `discard` frees its file. Work that it starts goes on beside the export. */
  readonly onPart: (blob: LocalBlob, discard: () => Promise<void>) => void;
}

export interface CollectedImage {
  readonly config: KnownBlob;
  /** Absent when it was known, and so not read. */
  readonly configBytes?: Uint8Array;
  /** diffID to compressed blob, for the layers that were not known. */
  readonly layers: ReadonlyMap<Digest, KnownBlob>;
}

/** Collects the config and every layer that is not known. Throws PluginError exit 7 when the export lacks one of them. */
export async function collectImage(options: CollectOptions, signal: AbortSignal): Promise<CollectedImage> {
  const collection = new Collection(options, signal);
  if (!collection.isComplete) {
    await options.reader.read(signal, (entry) => collection.visit(entry));
  }
  return collection.result();
}

/** What has been found of an image while its export passes by. */
class Collection {
  readonly #options: CollectOptions;
  readonly #signal: AbortSignal;
  readonly #missing: Set<Digest>;
  readonly #layers = new Map<Digest, KnownBlob>();
  #config: KnownBlob | undefined;
  #configBytes: Uint8Array | undefined;
  #files = 0;

  constructor(options: CollectOptions, signal: AbortSignal) {
    const { image, known } = options;
    this.#options = options;
    this.#signal = signal;
    this.#missing = new Set(image.diffIds.filter((diffId) => !known.has(diffId)));
    this.#config = known.get(image.id);
  }

  get isComplete(): boolean {
    return this.#config !== undefined && this.#missing.size === 0;
  }

  async visit(entry: ExportEntry): Promise<Wish> {
    const { image } = this.#options;
    if (entry.kind === 'layer') {
      // Where nothing but the bytes tells which layer this is, it is compressed in the hope that it is missing.
      const diffId = diffIdOfFolder(entry.folder, entry.description, image.diffIds);
      const mayBeMissing = diffId === undefined ? this.#missing.size > 0 : this.#missing.has(diffId);
      if (mayBeMissing) await this.#takeLayer(entry.content, diffId);
    } else if (entry.claimed === image.id) {
      if (this.#config === undefined) await this.#takeConfig(entry.content);
    } else if (this.#missing.has(entry.claimed)) {
      await this.#takeLayer(entry.content, entry.claimed);
    }
    return this.isComplete ? 'stop' : 'more';
  }

  result(): CollectedImage {
    const { reader, image } = this.#options;
    if (this.#config === undefined) throw damaged(`${reader.what} lacks the config ${image.id}`);
    if (this.#missing.size > 0) {
      throw damaged(`${reader.what} lacks the layers ${[...this.#missing].join(', ')}`);
    }
    const bytes = this.#configBytes;
    return { config: this.#config, layers: this.#layers, ...(bytes === undefined ? {} : { configBytes: bytes }) };
  }

  async #takeConfig(content: ByteStream): Promise<void> {
    const { reader, image, onPart } = this.#options;
    const bytes = await readConfig(content, image.id, reader.what);
    this.#configBytes = bytes;
    this.#config = { digest: image.id, sizeBytes: bytes.length };
    onPart({ ...this.#config, position: 0, open: () => Readable.from([bytes], { objectMode: false }) }, async () => {});
  }

  async #takeLayer(content: ByteStream, claimed: Digest | undefined): Promise<void> {
    const { reader, image, folder, format, parallelism, onPart } = this.#options;
    this.#files += 1;
    const file = join(folder, `${String(this.#files)}.layer`);
    const discard = () => rm(file, { force: true });
    const compressing = compressLayer(content, { file, format, parallelism, signal: this.#signal });
    const layer = await compressing.catch(async (error: unknown) => {
      // The reader may begin again, and half a layer is of no use then.
      await discard();
      throw wordDiskFailure(folder, error);
    });
    if (claimed !== undefined && claimed !== layer.diffId) throw wrongBytes(claimed, layer, reader.what);
    if (!this.#missing.delete(layer.diffId)) return discard();
    const { digest, sizeBytes } = layer;
    this.#layers.set(layer.diffId, { digest, sizeBytes });
    const position = image.diffIds.indexOf(layer.diffId) + 1;
    onPart({ digest, sizeBytes, position, open: () => createReadStream(file) }, discard);
  }
}

async function readConfig(content: ByteStream, id: Digest, what: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > maxConfigBytes) throw damaged(`${what} has a config of more than ${String(maxConfigBytes)} bytes`);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (id !== `sha256:${actual}`) throw damaged(`${what} names a config ${id}, whose bytes are sha256:${actual}`);
  return bytes;
}

function wrongBytes(claimed: Digest, layer: CompressedLayer, what: string): PluginError {
  return damaged(`${what} names a layer ${claimed}, whose ${String(layer.rawBytes)} bytes are ${layer.diffId}`);
}

function damaged(message: string): PluginError {
  return new PluginError({
    code: 'export-damaged',
    exitCode: 7,
    message,
    hint: 'the image store, or the archive, may be damaged; nothing was published',
  });
}
