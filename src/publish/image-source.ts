// Where an image that exists is read from: a registry, or an archive.
import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { type Digest, sha256 } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import { blobsIn, type TreeNode } from './image-tree.ts';
import type { BlobStore, Manifest, TagStore } from './target.ts';

/** Where an image is read from. */
export interface ImageSource {
  /** `host/path`, or whatever tells people where it is. */
  readonly name: string;
  /** It is a repository: its registry can mount from it, and a target of the same name has all that it has. */
  readonly isMountable: boolean;
  /** undefined = absent. */
  getManifest(
    manifest: { readonly digest: Digest; readonly mediaType: string },
    signal: AbortSignal,
  ): Promise<Manifest | undefined>;
  /** A fresh stream of a blob, which fails before its end when the bytes are not those of the digest. */
  openBlob(blob: { readonly digest: Digest; readonly sizeBytes: number }, signal: AbortSignal): Readable;
  /** What refers to a manifest by its `subject`. Absent where nothing of that kind is kept. */
  listReferrers?(
    subject: Digest,
    signal: AbortSignal,
  ): Promise<readonly { readonly digest: Digest; readonly mediaType: string }[]>;
  /** A manifest by a tag; undefined = absent. */
  getTagged?(tag: string, signal: AbortSignal): Promise<Manifest | undefined>;
}

/** What looks into an image reads of it. */
export type ImageContent = Pick<TagStore, 'getManifest'> & Pick<BlobStore, 'readBlob'>;

/** The content of trees that were read from a source; no manifest is asked for again. */
export function contentOf(nodes: readonly TreeNode[], source: ImageSource): ImageContent {
  return {
    getManifest: (digest) => Promise.resolve(nodes.find(({ manifest }) => manifest.digest === digest)?.manifest),
    readBlob: async (digest, maxBytes, signal) => {
      const blob = blobsIn(nodes).find((candidate) => candidate.digest === digest);
      if (blob === undefined || blob.sizeBytes > maxBytes) throw unreadable(source, digest, 'is missing or too large');
      const bytes = await buffer(source.openBlob(blob, signal));
      if (sha256(bytes) !== digest) throw unreadable(source, digest, 'has other bytes than that', 7);
      return bytes;
    },
  };
}

function unreadable({ name }: ImageSource, digest: Digest, what: string, exitCode: 2 | 7 = 2): PluginError {
  const message = `source ${name}: ${digest} ${what}; nothing was published`;
  return new PluginError({ code: exitCode === 7 ? 'source-damaged' : 'source-unusable', exitCode, message });
}
