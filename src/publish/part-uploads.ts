// Uploads that run beside the export: each part goes to the registries the moment it lies here, and its file goes away
// once all of them have it. The first failure stops the others and the export.
import { setMaxListeners } from 'node:events';
import { mapAll } from './parallel.ts';
import type { BlobStore, TagStore } from './target.ts';
import type { LocalBlob, UploadTally } from './upload-blob.ts';

export interface PartUploadsOptions {
  readonly repositories: readonly (BlobStore & Pick<TagStore, 'name'>)[];
  readonly tally: UploadTally;
  /** Those of which it is known that they have nothing. */
  readonly empty?: ReadonlySet<Pick<TagStore, 'name'>>;
  /** Files are needed again, for further repositories. */
  readonly keepFiles: boolean;
}

/** The uploads of one image. `end()` must be awaited on every way out. */
export class PartUploads {
  readonly #options: PartUploadsOptions;
  readonly #failure = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #parts: LocalBlob[] = [];
  /** Aborts with the run, and with the first upload that fails. */
  readonly signal: AbortSignal;

  constructor(options: PartUploadsOptions, signal: AbortSignal) {
    this.#options = options;
    this.signal = AbortSignal.any([signal, this.#failure.signal]);
    // Every request under way listens to it, and an image has as many uploads as it has layers.
    setMaxListeners(0, this.signal);
  }

  /** All parts that were started. */
  get parts(): readonly LocalBlob[] {
    return this.#parts;
  }

  /** Begins to upload a part. A failure is told by `signal` and by `finish()`. */
  start(part: LocalBlob, discard: () => Promise<void>): void {
    this.#parts.push(part);
    const running = this.#upload(part, discard).catch((error: unknown) => {
      this.#failure.abort(error);
    });
    this.#running.push(running);
  }

  /** Waits for all uploads. Throws the first failure. */
  async finish(): Promise<void> {
    await Promise.all(this.#running);
    this.signal.throwIfAborted();
  }

  /** Stops what still runs; nothing is touched after this. */
  async end(): Promise<void> {
    this.#failure.abort(new Error('publishing has ended'));
    await Promise.all(this.#running);
  }

  async #upload(part: LocalBlob, discard: () => Promise<void>): Promise<void> {
    const { repositories, tally, keepFiles, empty } = this.#options;
    await mapAll(repositories, repositories.length, (repository) =>
      tally.send(repository, part, this.signal, undefined, empty?.has(repository)),
    );
    if (!keepFiles) await discard();
  }
}
