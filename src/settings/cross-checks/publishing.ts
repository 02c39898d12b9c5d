// Settings of how layers are packed that are fine alone and wrong, or pointless, together.
import { addProblem, addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';

const maxGzipLevel = 9;

/** Checks how layers are packed. */
export function checkPublishing({ values, given, findings }: CrossInputs): void {
  const { compression, compression_level: level, oci_mediatypes: oci } = values;
  if (compression === 'zstd' && oci === false) {
    addProblem(findings, 'oci_mediatypes', {
      wrong: "zstd layers have no media type in Docker's family",
      right: 'must be true or auto with compression: zstd',
    });
  }
  if (values.annotations !== undefined && oci === false) {
    addProblem(findings, 'oci_mediatypes', {
      wrong: "manifests of Docker's family have no annotations",
      right: 'must be true or auto with annotations',
    });
  }
  if (compression === 'gzip' && level !== undefined && level > maxGzipLevel) {
    addProblem(findings, 'compression_level', {
      wrong: `${level} is out of range`,
      right: `must be an integer from 1 to ${maxGzipLevel} with gzip (up to 19 with compression: zstd)`,
    });
  }
  if (compression === 'uncompressed' && level !== undefined) {
    addWarning(findings, 'compression_level', 'does nothing with compression: uncompressed');
  }
  if (!values.push_only) return;
  if (given.has('annotations')) addWarning(findings, 'annotations', 'are not written on an image that is copied');
  const pointless = (['compression', 'compression_level', 'oci_mediatypes'] as const).filter((name) => given.has(name));
  for (const name of pointless) {
    addWarning(findings, name, 'changes nothing of an image that is copied; only uncompressed layers are packed by it');
  }
}
