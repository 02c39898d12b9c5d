// An OCI layout (image-spec v1.1) with one image, as skopeo and crane read it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MadeImage } from '../make-image.ts';

/** Writes the layout into a new folder. */
export function writeLayout(folder: string, { manifest, config, layer }: MadeImage): void {
  const blobs = join(folder, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  for (const { digest, bytes } of [manifest, config, layer]) {
    writeFileSync(join(blobs, digest.slice('sha256:'.length)), bytes);
  }
  writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const descriptor = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length };
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }));
}
