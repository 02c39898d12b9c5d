// What reading any archive has in common: small files whole, and words for archives that are of no use.
import { buffer } from 'node:stream/consumers';
import { PluginError } from '../base/plugin-error.ts';
import type { ArchiveFile } from './tar-index.ts';

/** Registries take no longer manifests, and configs are shorter. */
const maxMetadataBytes = 16 * 1024 * 1024;

/** A whole small file. @param what its name, for messages. Throws PluginError exit 2 when it is not small. */
export async function readMetadata(file: ArchiveFile, display: string, what: string): Promise<Buffer> {
  if (file.sizeBytes > maxMetadataBytes) throw unusable(display, `its ${what} is longer than 16 MiB`);
  return buffer(file.open());
}

/** It is no image that can be published (exit 2). */
export function unusable(display: string, what: string, cause?: unknown): PluginError {
  const message = `source ${display}: ${what}; nothing was published`;
  return new PluginError({ code: 'source-unusable', exitCode: 2, message, cause });
}

/** Its bytes are not those of their digests (exit 7). */
export function damaged(display: string, what: string): PluginError {
  const message = `source ${display}: ${what}; nothing was published`;
  return new PluginError({ code: 'source-damaged', exitCode: 7, message });
}
