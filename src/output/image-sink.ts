// The two places that an image layout is written to: a tar file, or a folder. Names come from this program alone
// (oci-documents.ts), or were matched against them: nothing that a tar says becomes a path.
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack as tarPack, type Pack } from 'tar-stream';

/** Where the files of an image layout go, one after the other. */
export interface ImageSink {
  /** Rejects with the error of the disk, or what reading the content has thrown. */
  add(name: string, sizeBytes: number, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** All is there. */
  end(): Promise<void>;
  /** Lets go of what is open; for failures. */
  abandon(): Promise<void>;
}

/** A folder that exists and is empty. */
export class FolderSink implements ImageSink {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async add(name: string, _sizeBytes: number, content: AsyncIterable<Uint8Array>): Promise<void> {
    const path = join(this.#root, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, { flag: 'wx' });
  }

  async end(): Promise<void> {}

  async abandon(): Promise<void> {}
}

/** A tar file that does not exist yet. The same image gives the same bytes: no times, no owners. */
export class TarSink implements ImageSink {
  readonly #pack: Pack = tarPack();
  /** Settles with the file; what went wrong with it is the cause of everything else. */
  readonly #written: Promise<{ readonly error: unknown } | undefined>;

  constructor(path: string) {
    this.#written = pipeline(this.#pack, createWriteStream(path, { flags: 'wx' })).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
  }

  async add(name: string, sizeBytes: number, content: AsyncIterable<Uint8Array>): Promise<void> {
    const entry = this.#pack.entry({ name, size: sizeBytes, mode: 0o644, mtime: new Date(0) });
    try {
      await pipeline(Readable.from(content, { objectMode: false }), entry);
    } catch (error) {
      this.#pack.destroy();
      throw (await this.#diskFailure()) ?? error;
    }
  }

  async end(): Promise<void> {
    this.#pack.finalize();
    const failure = await this.#written;
    if (failure !== undefined) throw failure.error;
  }

  async abandon(): Promise<void> {
    this.#pack.destroy();
    await this.#written;
  }

  /** undefined when the file itself was fine, and only ended early. */
  async #diskFailure(): Promise<unknown> {
    const error = (await this.#written)?.error;
    return error instanceof Error && 'syscall' in error ? error : undefined;
  }
}
