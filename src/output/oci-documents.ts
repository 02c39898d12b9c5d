// The documents of an image layout and of a docker archive, written from an image's parts. One layout serves all readers:
// blobs by digest with index.json (OCI), and manifest.json beside it for `docker load`, which Docker 25 does as well.
// OCI image-spec 1.1 (image-layout.md); names as containerd and BuildKit write them.
import { type Digest, sha256 } from '../base/digest.ts';
import { parseReference } from '../base/reference.ts';

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  /** Uncompressed, as a graph-driver store hands layers out. */
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

/** A blob of an image. */
export interface Part {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** A file of the layout that is not one of the image's own blobs. */
export interface LayoutDocument {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Where a blob lies. */
export function blobName(digest: Digest): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

/**
 * What is needed beside config and layers (lowest first).
 *
 * @param names `host/path:tag`; none gives an image without a name
 * @returns the documents in the order in which to write them, and the digest of the manifest
 */
export function layoutDocuments(
  format: 'oci' | 'docker',
  config: Part,
  layers: readonly Part[],
  names: readonly string[],
): { readonly documents: readonly LayoutDocument[]; readonly digest: Digest } {
  const manifest = json({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, digest: config.digest, size: config.sizeBytes },
    layers: layers.map(({ digest, sizeBytes }) => ({ mediaType: types.layer, digest, size: sizeBytes })),
  });
  const digest = sha256(manifest);
  const descriptor = { mediaType: types.manifest, digest, size: manifest.length };
  const named = names.map((name) => ({ ...descriptor, annotations: nameAnnotations(name) }));
  const index = { schemaVersion: 2, mediaType: types.index, manifests: named.length === 0 ? [descriptor] : named };
  const dockerManifest = [
    {
      Config: blobName(config.digest),
      RepoTags: names.length === 0 ? null : names.map((name) => parseReference(name).familiar),
      Layers: layers.map((layer) => blobName(layer.digest)),
    },
  ];
  return {
    digest,
    documents: [
      { name: blobName(digest), bytes: manifest },
      { name: 'oci-layout', bytes: json({ imageLayoutVersion: '1.0.0' }) },
      ...(format === 'docker' ? [{ name: 'manifest.json', bytes: json(dockerManifest) }] : []),
      { name: 'index.json', bytes: json(index) },
    ],
  };
}

function nameAnnotations(name: string): Readonly<Record<string, string>> {
  const tag = parseReference(name).tag ?? 'latest';
  return { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tag };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
