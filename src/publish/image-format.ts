// The form in which an image is written to a registry, where this process makes its manifest: the family of media types, and
// how its layers are packed. OCI image-spec 1.1 (media-types.md); Docker image manifest v2, schema 2.

/** How layers are packed. zstd has no media type in Docker's family. */
export type Compression = 'gzip' | 'zstd' | 'uncompressed';

export interface ImageFormat {
  readonly family: 'docker' | 'oci';
  readonly compression: Compression;
  /** gzip 1 to 9, zstd 1 to 19. */
  readonly level: number;
  /** Of the manifest; only OCI's has some. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What docker push makes: Go's default of gzip in size and speed. */
export const usualFormat: ImageFormat = { family: 'docker', compression: 'gzip', level: 4 };

interface FormatTypes {
  readonly manifest: string;
  readonly config: string;
  readonly layer: string;
}

const dockerLayer = 'application/vnd.docker.image.rootfs.diff.tar';
const ociLayer = 'application/vnd.oci.image.layer.v1.tar';
const suffixes: Readonly<Record<'docker' | 'oci', Readonly<Record<Compression, string>>>> = {
  docker: { gzip: '.gzip', zstd: '.zstd', uncompressed: '' },
  oci: { gzip: '+gzip', zstd: '+zstd', uncompressed: '' },
};

/** The media types of a format. */
export function typesOf({ family, compression }: ImageFormat): FormatTypes {
  const suffix = suffixes[family][compression];
  return family === 'docker'
    ? {
        manifest: 'application/vnd.docker.distribution.manifest.v2+json',
        config: 'application/vnd.docker.container.image.v1+json',
        layer: `${dockerLayer}${suffix}`,
      }
    : {
        manifest: 'application/vnd.oci.image.manifest.v1+json',
        config: 'application/vnd.oci.image.config.v1+json',
        layer: `${ociLayer}${suffix}`,
      };
}

/** Whether a layer is packed as wanted, whatever family its media type is of: the manifest that we write decides that. */
export function isPackedAs(compression: Compression, mediaType: string): boolean {
  return (
    mediaType === `${dockerLayer}${suffixes.docker[compression]}` ||
    mediaType === `${ociLayer}${suffixes.oci[compression]}`
  );
}
