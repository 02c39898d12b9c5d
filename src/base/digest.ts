// Content digests: the name of every blob and manifest. Only sha256 is ever written; it is the one algorithm that all
// registries must know. OCI image-spec 1.1, "Digests".
import { createHash } from 'node:crypto';

/** `sha256:` and 64 lower-case hex characters. */
export type Digest = `sha256:${string}`;

/** Digest of bytes that are in memory. */
export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Whether a text is a well-formed sha256 digest. */
export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/** The begin of a digest for a line of text: enough to find it. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}
