// What publishing needs of a repository in a registry, as narrow as each step can take it. The registry client fits
// these shapes; tests fit them with a repository in memory.
import type { Readable } from 'node:stream';
import type { Digest } from '../base/digest.ts';

/** A manifest as bytes: hashed, sized and forwarded as they are, never written anew. */
export interface Manifest {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** The manifests and tags of one repository. */
export interface TagStore {
  /** `host/path`, as shown to people. */
  readonly name: string;
  /** undefined = absent, or not for us to see. */
  headManifest(
    tagOrDigest: string,
    signal: AbortSignal,
  ): Promise<{ readonly digest: Digest; readonly mediaType: string; readonly sizeBytes: number } | undefined>;
  /** undefined = absent; the bytes' digest was checked when a digest was asked for. */
  getManifest(tagOrDigest: string, signal: AbortSignal): Promise<Manifest | undefined>;
  /** `confirmedTags`: those of `target.tags` that the registry says it has set. */
  putManifest(
    manifest: Manifest,
    target: { readonly tag: string } | { readonly digest: Digest; readonly tags?: readonly string[] },
    signal: AbortSignal,
  ): Promise<{ readonly confirmedTags: readonly string[] }>;
  /** Whether the registry does not know the repository, so that nothing can be in it. */
  isUnknown?(signal: AbortSignal): Promise<boolean>;
  /** Whether a tag can be taken away without taking more than the tag. */
  readonly canDeleteTags?: boolean;
  /** Takes a tag away; only where `canDeleteTags`. */
  deleteTag?(tag: string, signal: AbortSignal): Promise<void>;
}

/** The blobs of one repository. */
export interface BlobStore {
  hasBlob(digest: Digest, signal: AbortSignal): Promise<boolean>;
  ensureBlob(
    blob: {
      readonly digest: Digest;
      readonly sizeBytes: number;
      /** A fresh stream of the bytes at each call. */
      readonly open: () => Readable;
      /** Path of a repository on the same registry that has the blob. */
      readonly mountFrom?: string;
      /** It cannot be there: it is not looked for first. */
      readonly isNew?: boolean;
      /** The registry misses it, whatever it says when it is asked. */
      readonly isLost?: boolean;
      readonly onProgress?: (sentBytes: number) => void;
    },
    signal: AbortSignal,
  ): Promise<'exists' | 'mounted' | 'uploaded'>;
  /** A small blob, its hash checked. */
  readBlob(digest: Digest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** The references in one repository. A manifest with a `subject` is entered there by putManifest. */
export interface ReferrerStore {
  /** What refers to a manifest by its `subject`. */
  listReferrers(
    subject: Digest,
    signal: AbortSignal,
  ): Promise<readonly { readonly digest: Digest; readonly mediaType: string }[]>;
}

/** One repository and the tags that it is to get. */
export interface PublishTarget<Repository> {
  readonly repository: Repository;
  readonly tags: readonly string[];
}

/** The same bytes twice in a row on the way to a repository, and how they got there. `known`: reused without a look at the daemon. */
export type LayerState = 'known' | 'exists' | 'mounted' | 'uploading' | 'uploaded';

/** Progress of one layer (or of the config, whose `position` is 0). Sizes are compressed bytes. */
export interface LayerEvent {
  readonly repository: string;
  readonly digest: Digest;
  /** 1 = lowest layer. */
  readonly position: number;
  /** Number of layers of the image. */
  readonly layers: number;
  readonly state: LayerState;
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/**
 * What happened to one tag. `left-behind`: created by us and not removable when the rest failed; `kept`: not moved on
 * purpose, because it may not be.
 */
export interface TagOutcome {
  readonly repository: string;
  readonly tag: string;
  readonly before?: Digest;
  readonly after?: Digest;
  readonly outcome: 'unchanged' | 'created' | 'moved' | 'kept' | 'restored' | 'not-moved' | 'left-behind' | 'unknown';
}

/** A published image. */
export interface Published {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly tags: readonly TagOutcome[];
  /** What went out of this process; 0 when the daemon pushed. */
  readonly uploadedBytes: number;
  readonly uploadedBlobs: number;
  /** Compressed layers and configs, each counted once; undefined when there was no reason to look at them. */
  readonly imageBytes: number | undefined;
}

/** How long writes that we have just made may stay unseen on a replica: tries and the wait between them. */
export interface ReplicaPatience {
  readonly tries: number;
  readonly waitMs: number;
}

export const replicaPatience: ReplicaPatience = { tries: 3, waitMs: 1000 };
