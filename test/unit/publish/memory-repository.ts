// A repository in memory for the tests of publish/: it keeps what it is given, notes every request, and fails where a
// test tells it to. Faults of the wire belong to the registry client's own tests.
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { Digest } from '../../../src/base/digest.ts';
import { fieldOf, textOf } from '../../../src/base/json-fields.ts';
import type { BlobStore, Manifest, TagStore } from '../../../src/publish/target.ts';

export type Fault = (request: string) => Error | undefined;

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function manifestOf(
  value: unknown,
  mediaType = 'application/vnd.docker.distribution.manifest.v2+json',
): Manifest {
  const bytes = Buffer.from(JSON.stringify(value));
  return { mediaType, digest: digestOf(bytes), bytes };
}

export class MemoryRepository implements TagStore, BlobStore {
  readonly name: string;
  readonly manifests = new Map<string, Manifest>();
  readonly tags = new Map<string, Digest>();
  readonly blobs = new Map<string, Uint8Array>();
  readonly requests: string[] = [];
  /** Called before each request; an error that it returns is thrown. */
  fault: Fault = () => undefined;
  /** Called after a request took effect: an answer that got lost. */
  lostAnswer: Fault = () => undefined;
  /** Manifests that the list of references does not have, until they are put again. */
  readonly unlisted = new Set<string>();
  /** How many of the tags of one PUT are set and confirmed. */
  tagsPerPut = 0;
  /** They are set, and the answer does not say so. */
  isSilent = false;
  /** Whether DELETE takes a tag away, and that tag alone. */
  canDeleteTags = false;
  /** Repositories on the same registry, by path. */
  mountable = new Map<string, MemoryRepository>();

  constructor(name = 'registry.test/app') {
    this.name = name;
  }

  /** Puts a manifest under a tag without a request. */
  seed(tag: string, manifest: Manifest): void {
    this.manifests.set(manifest.digest, manifest);
    this.tags.set(tag, manifest.digest);
  }

  async headManifest(reference: string): Promise<{ digest: Digest; mediaType: string; sizeBytes: number } | undefined> {
    this.#note(`HEAD ${reference}`);
    const found = this.#find(reference);
    return found && { digest: found.digest, mediaType: found.mediaType, sizeBytes: found.bytes.length };
  }

  async getManifest(reference: string): Promise<Manifest | undefined> {
    this.#note(`GET ${reference}`);
    return this.#find(reference);
  }

  async isUnknown(): Promise<boolean> {
    this.#note('LIST');
    return this.manifests.size === 0;
  }

  async putManifest(
    manifest: Manifest,
    target: { readonly tag: string } | { readonly digest: Digest; readonly tags?: readonly string[] },
  ): Promise<{ confirmedTags: readonly string[] }> {
    const tags = 'tag' in target ? [target.tag] : (target.tags ?? []);
    const request =
      'tag' in target ? `PUT ${target.tag}` : `PUT digest${tags.length === 0 ? '' : ` ${tags.join(',')}`}`;
    this.#note(request);
    this.manifests.set(manifest.digest, manifest);
    this.unlisted.delete(manifest.digest);
    const set = 'tag' in target ? tags : tags.slice(0, this.tagsPerPut);
    for (const tag of set) this.tags.set(tag, manifest.digest);
    const lost = this.lostAnswer(request);
    if (lost !== undefined) throw lost;
    return { confirmedTags: 'tag' in target || this.isSilent ? [] : set };
  }

  async listReferrers(subject: Digest): Promise<readonly Manifest[]> {
    this.#note(`LIST ${subject}`);
    return [...this.manifests.values()].filter(({ digest, bytes }) => {
      const json: unknown = JSON.parse(Buffer.from(bytes).toString());
      return textOf(fieldOf(json, 'subject'), 'digest') === subject && !this.unlisted.has(digest);
    });
  }

  async deleteTag(tag: string): Promise<void> {
    this.#note(`DELETE ${tag}`);
    if (!this.canDeleteTags) throw new Error('DELETE takes more than a tag here');
    this.tags.delete(tag);
  }

  async hasBlob(digest: Digest): Promise<boolean> {
    this.#note(`HEAD blob ${digest}`);
    return this.blobs.has(digest);
  }

  async ensureBlob(blob: Parameters<BlobStore['ensureBlob']>[0]): Promise<'exists' | 'mounted' | 'uploaded'> {
    this.#note(`ensure ${blob.digest}${blob.isNew === true ? ' (new)' : ''}`);
    if (this.blobs.has(blob.digest) && blob.isLost !== true) return 'exists';
    const source = blob.mountFrom === undefined ? undefined : this.mountable.get(blob.mountFrom);
    const mounted = source?.blobs.get(blob.digest);
    if (mounted !== undefined) {
      this.blobs.set(blob.digest, mounted);
      return 'mounted';
    }
    const bytes = await buffer(blob.open());
    blob.onProgress?.(bytes.length);
    if (bytes.length !== blob.sizeBytes || digestOf(bytes) !== blob.digest) throw new Error('DIGEST_INVALID');
    this.blobs.set(blob.digest, bytes);
    return 'uploaded';
  }

  async readBlob(digest: Digest): Promise<Uint8Array> {
    this.#note(`GET blob ${digest}`);
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) throw new Error('BLOB_UNKNOWN');
    return bytes;
  }

  #find(reference: string): Manifest | undefined {
    return this.manifests.get(this.tags.get(reference) ?? reference);
  }

  #note(request: string): void {
    this.requests.push(request);
    const error = this.fault(request);
    if (error !== undefined) throw error;
  }
}
