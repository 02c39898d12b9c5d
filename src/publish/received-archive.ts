// Publish path B1, first half: a containerd store hands the image over as one OCI archive, which arrives through the build's
// session. It is written to the temporary folder as it comes, and on the way each part is found and its digest checked, so
// that nothing has to be read again before it is uploaded. No name of the archive ever reaches the disk.
// OCI image-spec 1.1, image-layout.md
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { PluginError } from '../base/plugin-error.ts';
import type { ExportTarget } from '../buildkit/session/file-send.ts';
import { type ArchiveFile, type ArchiveFiles, fileInTar } from './tar-index.ts';
import { wordDiskFailure } from './temporary-folder.ts';

/** Platforms times layers and attestations; the largest images stay far below. */
const maxEntries = 20_000;
const blobName = /^blobs\/sha256\/([0-9a-f]{64})$/;

/** An archive on its way from the daemon. A build that is repeated sends it again: the last one counts. */
export class ReceivedArchive {
  readonly #folder: string;
  #transfers = 0;
  #arrived: { readonly path: string; readonly files: ArchiveFiles } | undefined;

  /** @param folder exists and is ours alone; whoever made it removes it */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Throws PluginError (exit 7) when the daemon has said that it is done and has sent nothing. */
  get files(): ArchiveFiles {
    if (this.#arrived === undefined) throw damagedExport('did not arrive, though the daemon reported success');
    return this.#arrived.files;
  }

  /** Where BuildKit's exporter sends it. */
  get exportTarget(): ExportTarget {
    return {
      content: { kind: 'file', receive: (bytes, _digest, signal) => this.#receive(bytes, signal) },
      onReceived: () => undefined,
      wordFailure: (error) => wordDiskFailure(this.#folder, error),
    };
  }

  async #receive(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const former = this.#arrived;
    this.#arrived = undefined;
    if (former !== undefined) await rm(former.path, { force: true });
    this.#transfers += 1;
    const path = join(this.#folder, `image-${String(this.#transfers)}.tar`);
    const index = new IndexWhileWriting(path);
    const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
    try {
      await pipeline(bytes, index.pass.bind(index), file, { signal });
      this.#arrived = { path, files: await index.files };
    } catch (error) {
      // Until it is closed, it may not even have been made.
      if (!file.closed) await new Promise<void>((resolve) => file.once('close', () => resolve()));
      await rm(path, { force: true });
      throw error;
    } finally {
      index.stop();
    }
  }
}

/** Reads the tar that passes by. */
class IndexWhileWriting {
  /** Settles when the end of the tar was read. */
  readonly files: Promise<ArchiveFiles>;
  readonly #tar = extract();
  readonly #failure = new AbortController();

  constructor(path: string) {
    this.files = indexEntries(this.#tar, path).catch((error: unknown) => {
      const worded = error instanceof PluginError ? error : damagedExport('cannot be read as a tar archive', error);
      this.#failure.abort(worded);
      throw worded;
    });
    // Whoever passes bytes is told by the signal; who asks for the files, by the promise itself.
    this.files.catch(() => undefined);
  }

  async *pass(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { signal } = this.#failure;
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      if (!this.#tar.write(chunk)) await this.#drained();
      yield chunk;
    }
    this.#tar.end(undefined);
    await this.files;
  }

  stop(): void {
    this.#tar.destroy();
  }

  async #drained(): Promise<void> {
    const { signal } = this.#failure;
    try {
      await once(this.#tar, 'drain', { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }
}

async function indexEntries(tar: ReturnType<typeof extract>, path: string): Promise<ArchiveFiles> {
  const files = new Map<string, ArchiveFile>();
  let entries = 0;
  for await (const entry of tar) {
    entries += 1;
    if (entries > maxEntries) throw damagedExport(`has more than ${String(maxEntries)} entries`);
    const { header } = entry;
    const name = posix.normalize(header.name);
    const claimed = blobName.exec(name)?.[1];
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of entry) {
      if (!(chunk instanceof Uint8Array)) throw new Error('tar-stream gives something else than bytes');
      sizeBytes += chunk.length;
      if (claimed !== undefined) hash.update(chunk);
    }
    if (header.type !== 'file' && header.type !== 'contiguous-file') continue;
    const found = hash.digest('hex');
    if (claimed !== undefined && claimed !== found) {
      throw damagedExport(`holds sha256:${claimed} with the bytes of sha256:${found}`);
    }
    files.set(name, fileInTar(path, header, sizeBytes));
  }
  if (!files.has('index.json')) throw damagedExport('lacks its index');
  return files;
}

/** Exit 7: what the daemon sent is not what it built. */
export function damagedExport(what: string, cause?: unknown): PluginError {
  return new PluginError({
    code: 'export-damaged',
    exitCode: 7,
    message: `the image that the daemon was to hand over ${what}; nothing was published`,
    cause,
  });
}
