// Media types on the wire of a registry. OCI image-spec 1.1 and Docker image manifest v2 schema 2; schema 1 is never asked
// for, because its digest is not that of its bytes.

/** What a reader of manifests accepts, indexes first. */
export const manifestMediaTypes: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** Body of a blob upload. */
export const blobMediaType = 'application/octet-stream';
