// A folder of blobs in the layout of OCI image-spec 1.1 (image-layout.md), as buildx keeps local caches. Blobs are named by
// their digest, which is checked when they are written; no link is followed inside, since a pull request may have made it.
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, isDigest } from '../base/digest.ts';

/** A blob that is being written. */
export interface IncomingBlob {
  /** Bytes so far. */
  readonly length: number;
  append(data: Uint8Array): Promise<void>;
  /** Keeps it. Rejects when it is not the one that was announced. */
  commit(expected: Digest | undefined): Promise<Digest>;
  /** Removes it, unless it was kept. */
  abandon(): Promise<void>;
}

const tagAnnotation = 'org.opencontainers.image.ref.name';
const indexMediaType = 'application/vnd.oci.image.index.v1+json';
const layoutText = '{"imageLayoutVersion":"1.0.0"}';
/** An index of tags has a few lines; a manifest of a cache has a line for each layer. */
const maxDocumentBytes = 4 * 1024 * 1024;
const chunkBytes = 256 * 1024;

/** Entries of the folder's index.json, as they are. */
type Entry = Readonly<Record<string, unknown>>;

export class ContentFolder {
  readonly path: string;
  /** The blob that was written, or found to be there already, last. */
  #latest: Digest | undefined;

  /** @param path absolute, without links */
  constructor(path: string) {
    this.path = path;
  }

  /** The digest under a tag; undefined when the folder, its index or the tag is not there. */
  async find(tag: string): Promise<Digest | undefined> {
    const entry = (await this.#entries()).find((candidate) => tagOf(candidate) === tag);
    const digest = entry?.['digest'];
    return typeof digest === 'string' && isDigest(digest) ? digest : undefined;
  }

  /** Undefined when the blob is not there. */
  async size(digest: Digest): Promise<number | undefined> {
    const stats = (await this.#isPlain()) ? await lstat(this.#blob(digest)).catch(() => undefined) : undefined;
    if (stats?.isFile() !== true) return undefined;
    this.#latest = digest;
    return stats.size;
  }

  /** The bytes from an offset on. Rejects when the blob is not there. */
  async *read(digest: Digest, offset: number, maxBytes: number): AsyncGenerator<Buffer> {
    const file = await open(this.#blob(digest), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      let position = offset;
      const end = offset + maxBytes;
      while (position < end) {
        const { bytesRead, buffer } = await file.read(
          Buffer.alloc(Math.min(chunkBytes, end - position)),
          0,
          null,
          position,
        );
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
        position += bytesRead;
      }
    } finally {
      await file.close();
    }
  }

  /** Begins a blob. Makes the folder when it is not there. */
  async begin(): Promise<IncomingBlob> {
    for (const name of ['blobs/sha256', 'ingest']) await mkdir(join(this.path, name), { recursive: true });
    if (!(await this.#isPlain())) throw new Error(`${this.path} has links in the place of its folders`);
    const path = join(this.path, 'ingest', randomUUID());
    const keep = async (digest: Digest): Promise<void> => {
      await rename(path, this.#blob(digest));
      this.#latest = digest;
    };
    return new Ingest(await open(path, 'wx', 0o644), path, keep);
  }

  /** Gives the manifest that was written last a tag. @returns false when no manifest came */
  async tagLatest(tag: string): Promise<boolean> {
    const digest = this.#latest;
    if (digest === undefined) return false;
    const bytes = await readFile(this.#blob(digest));
    const mediaType = manifestType(bytes);
    if (mediaType === undefined) return false;
    const entry = { mediaType, digest, size: bytes.length, annotations: { [tagAnnotation]: tag } };
    const others = (await this.#entries()).filter((candidate) => tagOf(candidate) !== tag);
    const index = { schemaVersion: 2, mediaType: indexMediaType, manifests: [...others, entry] };
    await this.#replace('oci-layout', layoutText);
    await this.#replace('index.json', JSON.stringify(index));
    return true;
  }

  async #entries(): Promise<readonly Entry[]> {
    const path = join(this.path, 'index.json');
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isFile() !== true || stats.size > maxDocumentBytes) return [];
    const index = parse(await readFile(path));
    const manifests = index?.['manifests'];
    return Array.isArray(manifests) ? manifests.filter(isRecord) : [];
  }

  /** In one step, so that nobody reads half a file, and whatever stood there is not followed. */
  async #replace(name: string, text: string): Promise<void> {
    const path = join(this.path, 'ingest', randomUUID());
    await writeFile(path, text, { flag: 'wx' });
    await rename(path, join(this.path, name));
  }

  #blob(digest: Digest): string {
    return join(this.path, 'blobs', 'sha256', digest.slice('sha256:'.length));
  }

  async #isPlain(): Promise<boolean> {
    const real = await Promise.all(
      ['blobs/sha256', 'ingest'].map(async (name) => {
        const path = join(this.path, name);
        const target = await realpath(path).catch(() => path);
        return target === path;
      }),
    );
    return real.every(Boolean);
  }
}

class Ingest implements IncomingBlob {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #keep: (digest: Digest) => Promise<void>;
  readonly #hash = createHash('sha256');
  #length = 0;
  #isOpen = true;

  constructor(file: FileHandle, path: string, keep: (digest: Digest) => Promise<void>) {
    this.#file = file;
    this.#path = path;
    this.#keep = keep;
  }

  get length(): number {
    return this.#length;
  }

  async append(data: Uint8Array): Promise<void> {
    this.#hash.update(data);
    for (let written = 0; written < data.length;) {
      const { bytesWritten } = await this.#file.write(data, written);
      written += bytesWritten;
    }
    this.#length += data.length;
  }

  async commit(expected: Digest | undefined): Promise<Digest> {
    const digest: Digest = `sha256:${this.#hash.digest('hex')}`;
    if (expected !== undefined && expected !== digest)
      throw new Error(`blob ${digest} came in the place of ${expected}`);
    await this.#close();
    await this.#keep(digest);
    return digest;
  }

  async abandon(): Promise<void> {
    await this.#close();
    await rm(this.#path, { force: true });
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
  }
}

/** Undefined for what is no manifest and no index. */
function manifestType(bytes: Buffer): string | undefined {
  const document = bytes.length > maxDocumentBytes ? undefined : parse(bytes);
  const mediaType = document?.['mediaType'];
  const hasParts = Array.isArray(document?.['manifests']) || Array.isArray(document?.['layers']);
  return typeof mediaType === 'string' && hasParts ? mediaType : undefined;
}

function tagOf(entry: Entry): unknown {
  const annotations = entry['annotations'];
  return isRecord(annotations) ? annotations[tagAnnotation] : undefined;
}

function parse(bytes: Buffer): Entry | undefined {
  try {
    const document: unknown = JSON.parse(bytes.toString('utf8'));
    return isRecord(document) ? document : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null;
}
