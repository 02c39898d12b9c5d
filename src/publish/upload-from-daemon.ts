// Publish path B2: the image lies in a graphdriver daemon under a temporary name, and is taken out through its export API. What
// the solve reported is what counts: a name can be written by anybody who reaches the daemon.
import type { Digest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { Engine } from '../engine/connect.ts';
import { exportImage } from '../engine/export-image.ts';
import { inspectImage } from '../engine/inspect-image.ts';
import type { Published } from './target.ts';
import { uploadImage, type UploadImageOptions } from './upload-image.ts';

export interface UploadFromDaemonOptions extends Omit<UploadImageOptions, 'image' | 'reader'> {
  readonly engine: Pick<Engine, 'docker' | 'transport' | 'versionPrefix'>;
  /** The temporary name in the daemon, or the id. It is not removed here. */
  readonly name: string;
  /** What the solve reported: the digest of the image's config. */
  readonly id: Digest;
}

/** Publishes. Throws PluginError: 7 for an image that is not the one that was built, else see tagImage. */
export async function uploadFromDaemon(options: UploadFromDaemonOptions, signal: AbortSignal): Promise<Published> {
  const { engine, name, id, ...upload } = options;
  const image = await inspectImage(engine, name, signal);
  if (image.id !== id) throw replaced(name, id, image.id);
  if (image.diffIds.length === 0) throw empty();
  const reader = {
    what: `the daemon's export of ${name}`,
    read: exportImage.bind(undefined, engine, name),
  };
  return uploadImage({ ...upload, image, reader }, signal);
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

function replaced(name: string, built: Digest, found: Digest): PluginError {
  return new PluginError({
    code: 'image-replaced',
    exitCode: 7,
    message: `daemon: ${name} is ${found}, and ${built} was built under that name`,
    hint: 'something else on the daemon writes names under docker-build.invalid/; nothing was published',
  });
}
