// Sends one blob to one repository and tells how it goes; adds up what was sent.
import type { Readable } from 'node:stream';
import type { Digest } from '../base/digest.ts';
import type { BlobStore, LayerEvent, LayerState, TagStore } from './target.ts';

/** A blob that lies here, in a file or in memory. */
export interface LocalBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** 1 = lowest layer, 0 = config. */
  readonly position: number;
  readonly open: () => Readable;
  /** The registry misses it: it is sent, whatever the registry says of it. */
  readonly isLost?: boolean;
}

/** Adds up what went out, and passes progress on. */
export class UploadTally {
  readonly #onLayer: (event: LayerEvent) => void;
  readonly #layers: number;
  #uploadedBytes = 0;
  #uploadedBlobs = 0;

  /** @param layers number of layers of the image */
  constructor(layers: number, onLayer: (event: LayerEvent) => void) {
    this.#layers = layers;
    this.#onLayer = onLayer;
  }

  get uploadedBytes(): number {
    return this.#uploadedBytes;
  }

  get uploadedBlobs(): number {
    return this.#uploadedBlobs;
  }

  /** Tells a state of a blob in a repository. */
  tell(repository: string, blob: Omit<LocalBlob, 'open'>, state: LayerState, sentBytes: number): void {
    const { digest, position, sizeBytes } = blob;
    this.#onLayer({ repository, digest, position, layers: this.#layers, state, sentBytes, totalBytes: sizeBytes });
  }

  /** Sees to it that a repository has a blob. `mountFrom`: path of a repository on the same registry that has it; `isNew`: it cannot be there. */
  async send(
    repository: BlobStore & Pick<TagStore, 'name'>,
    blob: LocalBlob,
    signal: AbortSignal,
    mountFrom?: string,
    isNew = false,
  ): Promise<'exists' | 'mounted' | 'uploaded'> {
    const outcome = await repository.ensureBlob(
      {
        digest: blob.digest,
        sizeBytes: blob.sizeBytes,
        open: blob.open,
        onProgress: (sentBytes) => {
          this.tell(repository.name, blob, 'uploading', sentBytes);
        },
        ...(mountFrom === undefined ? {} : { mountFrom }),
        ...(isNew ? { isNew } : {}),
        ...(blob.isLost === true ? { isLost: true } : {}),
      },
      signal,
    );
    if (outcome === 'uploaded') {
      this.#uploadedBytes += blob.sizeBytes;
      this.#uploadedBlobs += 1;
    }
    this.tell(repository.name, blob, outcome, outcome === 'uploaded' ? blob.sizeBytes : 0);
    return outcome;
  }
}
