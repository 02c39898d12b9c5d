// Publish path B2: the image lies in a graphdriver daemon under a temporary name, and is taken out through its export API. A
// name that somebody removes meanwhile is built once more, from the cache.
import type { Digest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import { StoredImage, type StoredImageOptions } from './stored-image.ts';
import type { Published } from './target.ts';
import { uploadImage, type UploadImageOptions } from './upload-image.ts';

export interface UploadFromDaemonOptions extends Omit<UploadImageOptions, 'image' | 'reader'>, StoredImageOptions {
  /** Builds the name again. @returns the id of what is there then */
  readonly rebuild?: ((signal: AbortSignal) => Promise<Digest>) | undefined;
}

/**
 * Publishes; the name is not removed here. Throws PluginError: 5 without a daemon, 7 for an image that is not the one that
 * was built, else see tagImage.
 */
export async function uploadFromDaemon(options: UploadFromDaemonOptions, signal: AbortSignal): Promise<Published> {
  const { rebuild, name, log } = options;
  try {
    return await uploadStored(options, signal);
  } catch (error) {
    // All of it may be done again, and what the registry has is not sent twice: the daemon is read before any tag moves, or
    // for a repair while they do, and then the tags are back where they were (it is another error when they are not).
    if (rebuild === undefined || !(error instanceof PluginError) || error.code !== 'image-missing') throw error;
    log.warn(`${name} has vanished from the daemon: it is built again, from the cache`);
  }
  return uploadStored({ ...options, id: await rebuild(signal) }, signal);
}

async function uploadStored(options: UploadFromDaemonOptions, signal: AbortSignal): Promise<Published> {
  const stored = new StoredImage(options);
  const image = await stored.inspect(signal);
  if (image.diffIds.length === 0) throw empty();
  return uploadImage({ ...options, image, reader: stored.reader }, signal);
}

function empty(): PluginError {
  return new PluginError({
    code: 'empty-image',
    exitCode: 2,
    message:
      'the image has no files at all, and a daemon with a graph-driver image store cannot hand out such an image',
    hint: 'let the Dockerfile copy or make a file, or use a daemon with the containerd image store',
  });
}
