// One repository in a registry: its manifests, its blobs, and whether we may write there.
import { Readable } from 'node:stream';
import { type Digest, shortDigest } from '../base/digest.ts';
import { streamBlob } from './blob-stream.ts';
import { hasBlob, readBlob, seesBlob } from './blobs.ts';
import { type Blob, type BlobOutcome, uploadBlob } from './blob-upload.ts';
import { canDeleteTags, deleteTag } from './delete-tag.ts';
import { getManifest, headManifest, type Manifest, type ManifestHead } from './manifests.ts';
import type { Place } from './place.ts';
import { type ManifestPut, type ManifestTarget, putManifest } from './put-manifest.ts';
import { type Referrer, Referrers } from './referrers.ts';
import type { RequestTarget } from './redirect.ts';
import { startUpload, type UploadPlace } from './upload-place.ts';
import type { UploadSlots } from './upload-slots.ts';
import { isUnknownRepository, listTags } from './tag-list.ts';
import { discard } from './wire.ts';

/** Made by RegistryClient.repository. */
export class Repository {
  /** `host/path`, as shown to people. */
  readonly name: string;
  readonly #place: Place;
  readonly #referrers: Referrers;
  readonly #uploads: UploadPlace;
  /** Blobs that are being brought here or were: each once, however many ask. */
  readonly #blobs = new Map<Digest, Promise<BlobOutcome>>();
  /** Those of them that are sent again because the registry lost them. */
  readonly #restoring = new Set<Digest>();

  /**
   * @param redact told the secrets in addresses of uploads
   * @param chunkBytes bytes of one request of an upload; 0 = whole blobs
   */
  constructor(place: Place, slots: UploadSlots, redact: (secret: string) => void, chunkBytes = 0) {
    this.name = place.name;
    this.#place = place;
    this.#referrers = new Referrers(place);
    const form = chunkBytes === 0 ? ({ kind: 'put' } as const) : ({ kind: 'chunks', chunkBytes } as const);
    this.#uploads = { place, slots, open: new Set(), finished: new Set(), redact, form };
  }

  /** undefined = absent, or not for us to see. */
  async headManifest(tagOrDigest: string, signal: AbortSignal): Promise<ManifestHead | undefined> {
    return headManifest(this.#place, tagOrDigest, signal);
  }

  /** undefined = absent. The bytes were checked against a digest that was asked for. */
  async getManifest(tagOrDigest: string, signal: AbortSignal): Promise<Manifest | undefined> {
    return getManifest(this.#place, tagOrDigest, signal);
  }

  /** Whether the registry does not know this repository, so that nothing can be in it. */
  async isUnknown(signal: AbortSignal): Promise<boolean> {
    return isUnknownRepository(this.#place, signal);
  }

  /** All tags; none when the repository does not exist. */
  async listTags(signal: AbortSignal): Promise<readonly string[]> {
    return listTags(this.#place, signal);
  }

  /**
   * PUT by tag, or by digest with any tags along. A manifest with a `subject` is entered into the list of what refers to that.
   *
   * @returns `confirmedTags`: those that the registry says it has set
   */
  async putManifest(
    manifest: Manifest,
    target: ManifestTarget,
    signal: AbortSignal,
  ): Promise<{ readonly confirmedTags: readonly string[] }> {
    const { confirmedTags, seenSubject } = await this.#put(manifest, target, signal);
    await this.#referrers.enter(manifest, seenSubject, signal);
    return { confirmedTags };
  }

  /** Whether a tag can be taken away here without taking more than the tag. */
  get canDeleteTags(): boolean {
    return canDeleteTags(this.#place);
  }

  /** Takes a tag away, where `canDeleteTags`; nothing else is ever deleted. */
  async deleteTag(tag: string, signal: AbortSignal): Promise<void> {
    await deleteTag(this.#place, tag, signal);
  }

  /** What refers to a manifest by its `subject`: signatures, attestations. */
  async listReferrers(subject: Digest, signal: AbortSignal): Promise<readonly Referrer[]> {
    return this.#referrers.list(subject, signal);
  }

  async hasBlob(digest: Digest, signal: AbortSignal): Promise<boolean> {
    return hasBlob(this.#place, digest, signal);
  }

  /**
   * Brings a blob here in the cheapest way. Who asks for one that is on its way already waits for it: `exists`.
   *
   * @param blob `isNew`: it is not looked for first, since it cannot be there. `isLost`: the registry has refused a manifest
   *   because it does not have this blob, so what it says to a HEAD or a mount is not believed and the bytes are sent
   */
  async ensureBlob(
    blob: {
      readonly digest: Digest;
      readonly sizeBytes: number;
      readonly open: () => Readable;
      readonly mountFrom?: string;
      readonly isNew?: boolean;
      readonly isLost?: boolean;
      readonly onProgress?: (sentBytes: number) => void;
    },
    signal: AbortSignal,
  ): Promise<BlobOutcome> {
    const { digest, isLost = false } = blob;
    const known = this.#blobs.get(digest);
    if (known !== undefined && (!isLost || this.#restoring.has(digest))) {
      await known;
      return 'exists';
    }
    const bringing = isLost ? this.#restore(blob, signal) : this.#bring(blob, signal);
    this.#blobs.set(digest, bringing);
    try {
      return await bringing;
    } catch (error) {
      if (this.#blobs.get(digest) === bringing) this.#blobs.delete(digest);
      throw error;
    }
  }

  /** A small blob (a config), its hash checked. */
  async readBlob(digest: Digest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    return readBlob(this.#place, digest, maxBytes, signal);
  }

  /** A blob of any size, for passing it on; its hash is checked before the last bytes come. Errors are the stream's. */
  openBlob(blob: { readonly digest: Digest; readonly sizeBytes: number }, signal: AbortSignal): Readable {
    return Readable.from(streamBlob(this.#place, blob, signal), { objectMode: false });
  }

  /** Begins an upload and cancels it: the one proof of the right to push that every registry gives. */
  async checkPushAccess(signal: AbortSignal): Promise<void> {
    const what = `push to ${this.name}`;
    this.#place.askForPush();
    const upload = await this.#place.operate('blob', what, () => startUpload(this.#uploads, what, signal), signal);
    await this.#cancel(upload);
  }

  /** Cancels the uploads that were begun and not finished. Never fails; at most a few seconds. */
  async abandonUploads(): Promise<void> {
    await Promise.all([...this.#uploads.open].map((upload) => this.#cancel(upload)));
  }

  async #put(manifest: Manifest, target: ManifestTarget, signal: AbortSignal): Promise<ManifestPut> {
    try {
      return await putManifest(this.#place, manifest, target, signal);
    } catch (error) {
      // It may be one of the blobs that is missing: what we know of them is worth nothing now.
      this.#blobs.clear();
      // And an upload whose end was not true is open still.
      for (const upload of this.#uploads.finished) this.#uploads.open.add(upload);
      this.#uploads.finished.clear();
      throw error;
    }
  }

  async #restore(blob: Blob, signal: AbortSignal): Promise<BlobOutcome> {
    const { digest, sizeBytes, open, onProgress = () => undefined } = blob;
    this.#place.askForPush();
    this.#restoring.add(digest);
    try {
      return await uploadBlob(this.#uploads, { digest, sizeBytes, open, onProgress }, signal);
    } finally {
      this.#restoring.delete(digest);
    }
  }

  async #bring(blob: Blob & { readonly isNew?: boolean }, signal: AbortSignal): Promise<BlobOutcome> {
    this.#place.askForPush();
    if (blob.isNew === true) return uploadBlob(this.#uploads, blob, signal);
    const what = `look for ${shortDigest(blob.digest)} in ${this.name}`;
    const isThere = await this.#place.operate('read', what, () => seesBlob(this.#place, blob, what, signal), signal);
    return isThere ? 'exists' : uploadBlob(this.#uploads, blob, signal);
  }

  /** Some registries grant nobody the right to cancel; they forget uploads by themselves. */
  async #cancel(upload: RequestTarget): Promise<void> {
    this.#uploads.open.delete(upload);
    const limit = AbortSignal.timeout(this.#place.limits.cancelMs);
    const what = `cancel an upload to ${this.name}`;
    try {
      const request = { method: 'DELETE', to: upload, redirects: 'none', isCourtesy: true, what } as const;
      await discard(await this.#place.send(request, limit), limit);
    } catch {
      // It was a courtesy.
    }
  }
}
