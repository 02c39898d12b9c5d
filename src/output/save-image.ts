// Writes an archive of an image that a graph-driver store holds under a temporary name. The daemon's own export carries
// that name and no other, so the parts are taken out of it and get documents of our own. Nothing is believed: each part
// is what its bytes hash to.
import { createHash } from 'node:crypto';
import type { Digest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { Engine } from '../engine/connect.ts';
import { exportImage, type ExportEntry, type Wish } from '../engine/export-image.ts';
import { inspectImage } from '../engine/inspect-image.ts';
import { diffIdOfFolder } from '../engine/older-layout.ts';
import type { ImageSink } from './image-sink.ts';
import { blobName, layoutDocuments, type Part } from './oci-documents.ts';

export interface SaveOptions {
  readonly engine: Pick<Engine, 'docker' | 'transport' | 'versionPrefix'>;
  /** The temporary name, and the id of the image that was built under it. */
  readonly name: string;
  readonly id: Digest;
  readonly format: 'oci' | 'docker';
  /** The names that the archive is to carry. */
  readonly names: readonly string[];
}

/** Saves. Throws PluginError (5, or 7 when the daemon's export is not the image that was built) or the disk's error. */
export async function saveImage(options: SaveOptions, sink: ImageSink, signal: AbortSignal): Promise<Digest> {
  const { engine, name, id, format, names } = options;
  const image = await inspectImage(engine, name, signal);
  if (image.id !== id) throw damaged(`${name} is ${image.id}, and ${id} was built under that name`);
  const parts = new Parts(image.id, image.diffIds, sink);
  await exportImage(engine, name, signal, (entry) => parts.visit(entry));
  const { documents, digest } = layoutDocuments(format, parts.part(image.id), image.diffIds.map(parts.part), names);
  for (const { name: file, bytes } of documents) await sink.add(file, bytes.length, once(bytes));
  await sink.end();
  return digest;
}

/** What was found of an image while its export passes by. */
class Parts {
  readonly #diffIds: readonly Digest[];
  readonly #sink: ImageSink;
  readonly #missing: Set<Digest>;
  readonly #found = new Map<Digest, Part>();

  constructor(id: Digest, diffIds: readonly Digest[], sink: ImageSink) {
    this.#diffIds = diffIds;
    this.#sink = sink;
    this.#missing = new Set([id, ...diffIds]);
  }

  async visit(entry: ExportEntry): Promise<Wish> {
    const digest = this.#digestOf(entry);
    if (digest !== undefined && this.#missing.delete(digest)) {
      await this.#sink.add(blobName(digest), entry.sizeBytes, checked(entry.content, digest));
      this.#found.set(digest, { digest, sizeBytes: entry.sizeBytes });
    }
    return this.#missing.size === 0 ? 'stop' : 'more';
  }

  readonly part = (digest: Digest): Part => {
    const part = this.#found.get(digest);
    if (part === undefined) throw damaged(`it lacks ${digest}`);
    return part;
  };

  #digestOf(entry: ExportEntry): Digest | undefined {
    if (entry.kind !== 'layer') return entry.claimed;
    // In the older layout one folder does not tell its layer: the topmost one's, which is named after the whole config.
    return diffIdOfFolder(entry.folder, entry.description, this.#diffIds) ?? this.#diffIds.at(-1);
  }
}

async function* checked(content: AsyncIterable<Uint8Array>, digest: Digest): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
  const actual = hash.digest('hex');
  if (digest !== `sha256:${actual}`) throw damaged(`it names a part ${digest}, whose bytes are sha256:${actual}`);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

function damaged(what: string): PluginError {
  return new PluginError({
    code: 'export-damaged',
    exitCode: 7,
    message: `the daemon's export of the image is not what was built: ${what}`,
    hint: "the daemon's image store may be damaged; nothing was published",
  });
}
