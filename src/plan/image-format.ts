// The form in which layers and manifest are written, from the settings: once for the manifests that this process makes, and
// once as attributes of BuildKit's exporters.
import type { Settings } from '../settings/settings.ts';

/** The form of an image whose manifest this process makes. */
export interface ImageFormatPlan {
  readonly family: 'docker' | 'oci';
  readonly compression: 'gzip' | 'zstd' | 'uncompressed';
  readonly level: number;
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Go's default in size and speed, which is what docker push makes. */
const usualLevel = 4;

/** What this process writes. */
export function imageFormat({ values }: Settings): ImageFormatPlan {
  const { compression, compression_level: level = usualLevel, oci_mediatypes: oci } = values;
  // Only an index, which is never made here, tells platforms apart.
  const ofManifest = values.push_only
    ? []
    : (values.annotations ?? []).filter(({ level: part }) => part === 'manifest');
  const isOci = oci === true || (oci === 'auto' && (compression === 'zstd' || ofManifest.length > 0));
  return {
    family: isOci ? 'oci' : 'docker',
    compression,
    level,
    ...(ofManifest.length === 0
      ? {}
      : { annotations: Object.fromEntries(ofManifest.map(({ key, value }) => [key, value])) }),
  };
}

/** What BuildKit is told. Nothing where the settings leave it to BuildKit. */
export function formatAttrs({ values }: Settings): Readonly<Record<string, string>> {
  const { compression, compression_level: level, oci_mediatypes: oci } = values;
  const isOci = oci === 'auto' && compression === 'zstd' ? true : oci;
  return {
    ...(isOci === 'auto' ? {} : { 'oci-mediatypes': String(isOci) }),
    // BuildKit keeps what it has packed already, in another build or for the base image, unless it is told to pack it anew.
    ...(compression === 'gzip' ? {} : { compression, 'force-compression': 'true' }),
    ...(level === undefined || compression === 'uncompressed' ? {} : { 'compression-level': String(level) }),
  };
}
