// What signing needs of a repository in a registry. The registry client fits this shape; tests fit it with one in memory.
import type { Readable } from 'node:stream';
import type { Digest } from '../base/digest.ts';

/** A manifest as bytes. */
export interface Manifest {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** The repository that holds an image and its signatures. */
export interface SignatureStore {
  /** `host/path`, as shown to people. */
  readonly name: string;
  /** undefined = absent. */
  headManifest(tagOrDigest: string, signal: AbortSignal): Promise<{ readonly digest: Digest } | undefined>;
  /** undefined = absent; the bytes' digest was checked when a digest was asked for. */
  getManifest(tagOrDigest: string, signal: AbortSignal): Promise<Manifest | undefined>;
  putManifest(manifest: Manifest, target: { readonly tag: string }, signal: AbortSignal): Promise<unknown>;
  ensureBlob(
    blob: { readonly digest: Digest; readonly sizeBytes: number; readonly open: () => Readable },
    signal: AbortSignal,
  ): Promise<unknown>;
  /** A small blob, its hash checked. */
  readBlob(digest: Digest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
}
