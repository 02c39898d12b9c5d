// Publish path B1, second half: the image lies here as an OCI archive and goes to every target as any image that is copied. Its
// index.json is read for the root and never published: it says under which names the daemon knew the image.
import type { Digest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import { copyImage, type CopyOptions } from './copy-image.ts';
import { readImageArchive } from './image-archive.ts';
import { damagedExport } from './received-archive.ts';
import type { Published } from './target.ts';
import type { ArchiveFiles } from './tar-index.ts';

export interface PublishReceivedOptions extends Omit<CopyOptions, 'source' | 'root'> {
  readonly files: ArchiveFiles;
  /** Of the manifest or index, as the solve reported it. */
  readonly digest: Digest;
}

/** Publishes. Throws PluginError: 7 for an archive of something else than was built, else see copyImage. */
export async function publishReceived(options: PublishReceivedOptions, signal: AbortSignal): Promise<Published> {
  const { files, digest, ...copy } = options;
  try {
    const image = await readImageArchive(
      files,
      { display: 'the image that the daemon built', log: options.log },
      signal,
    );
    if (image.kind !== 'oci') throw damagedExport('has another form than was asked for');
    const { root, source } = image;
    if (root.digest !== digest) throw damagedExport(`is ${root.digest}, and ${digest} was built`);
    return await copyImage({ ...copy, root, source }, signal);
  } catch (error) {
    throw isAboutArchive(error) ? damagedExport(`is of no use (${error.message})`, error) : error;
  }
}

/** Nobody has given us this archive but the daemon. */
function isAboutArchive(error: unknown): error is PluginError {
  return error instanceof PluginError && ['source-unusable', 'source-damaged'].includes(error.code);
}
