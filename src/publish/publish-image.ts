// Publishes a built image to every target by the path that its daemon allows.
import type { Digest } from '../base/digest.ts';
import { publishFromDaemonPush } from './push-from-daemon.ts';
import type { Published } from './target.ts';
import { uploadFromDaemon, type UploadFromDaemonOptions } from './upload-from-daemon.ts';

/** What the build left, and where. */
export type ImageToPublish =
  /** containerd store: BuildKit has pushed it by digest to every target. */
  | { readonly kind: 'pushed'; readonly digest: Digest }
  /** graphdriver store: the daemon holds it under a temporary name. */
  | { readonly kind: 'stored'; readonly name: string; readonly id: Digest };

export type PublishOptions = Omit<UploadFromDaemonOptions, 'name' | 'id'>;

/** Blobs first, manifests by digest next, tags last, over all targets. Throws PluginError; its details tell each tag's state. */
export async function publishImage(
  image: ImageToPublish,
  options: PublishOptions,
  signal: AbortSignal,
): Promise<Published> {
  if (image.kind === 'pushed') return publishFromDaemonPush({ ...options, digest: image.digest }, signal);
  return uploadFromDaemon({ ...options, name: image.name, id: image.id }, signal);
}
