// An index of two platforms and an attestation in a repository in memory.
import type { Digest } from '../../../src/base/digest.ts';
import type { Manifest } from '../../../src/publish/target.ts';
import { digestOf, manifestOf, type MemoryRepository } from './memory-repository.ts';

const oci = 'application/vnd.oci.image';

export interface MemoryIndex {
  readonly root: Manifest;
  readonly children: readonly Digest[];
  /** Each once. */
  readonly blobs: readonly Digest[];
  readonly configs: readonly Digest[];
}

/** Puts the same bytes there each time, without a request. */
export function indexIn(repository: MemoryRepository): MemoryIndex {
  const put = (text: string, mediaType: string) => {
    const bytes = Buffer.from(text);
    repository.blobs.set(digestOf(bytes), bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const shared = put('shared layer', `${oci}.layer.v1.tar+gzip`);
  const images = ['amd64', 'arm64'].map((architecture) => {
    const config = put(JSON.stringify({ os: 'linux', architecture }), `${oci}.config.v1+json`);
    const layers = [shared, put(`layer for ${architecture}`, `${oci}.layer.v1.tar+gzip`)];
    return { manifest: manifestOf({ config, layers }, `${oci}.manifest.v1+json`), config, layers, architecture };
  });
  const config = put('{"for":"nobody"}', `${oci}.config.v1+json`);
  const layers = [put('{"by":"me"}', 'application/vnd.in-toto+json')];
  const attestation = manifestOf({ config, layers }, `${oci}.manifest.v1+json`);
  const all = [...images, { manifest: attestation, config, layers, architecture: 'unknown' }];
  const root = manifestOf(
    {
      manifests: all.map(({ manifest: { mediaType, digest, bytes }, architecture }) => {
        const platform = { os: architecture === 'unknown' ? 'unknown' : 'linux', architecture };
        return { mediaType, digest, size: bytes.length, platform };
      }),
    },
    `${oci}.index.v1+json`,
  );
  for (const manifest of [...all.map((image) => image.manifest), root]) {
    repository.manifests.set(manifest.digest, manifest);
  }
  const blobs = all.flatMap((image) => [image.config, ...image.layers]).map(({ digest }) => digest);
  return {
    root,
    children: all.map(({ manifest }) => manifest.digest),
    blobs: [...new Set(blobs)],
    configs: all.map((image) => image.config.digest),
  };
}

/** What follows the host. */
export function pathOf(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}
