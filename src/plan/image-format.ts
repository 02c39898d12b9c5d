// The form in which layers and manifest are written, from the settings: once for the manifests that this process makes, and
// once as attributes of BuildKit's exporters.
import type { Settings } from '../settings/settings.ts';

/** The form of an image whose manifest this process makes. */
export interface ImageFormatPlan {
  readonly family: 'docker' | 'oci';
  readonly compression: 'gzip' | 'zstd' | 'uncompressed';
  readonly level: number;
}

/** Go's default in size and speed, which is what docker push makes. */
const usualLevel = 4;

/** What this process writes. */
export function imageFormat({ values }: Settings): ImageFormatPlan {
  const { compression, compression_level: level = usualLevel, oci_mediatypes: oci } = values;
  const isOci = oci === true || (oci === 'auto' && compression === 'zstd');
  return { family: isOci ? 'oci' : 'docker', compression, level };
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
