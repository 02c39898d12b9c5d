// Publishes a built image to every target by the path that its daemon allows.
import type { Digest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import { publishReceived, type PublishReceivedOptions } from './publish-received.ts';
import { publishFromDaemonPush, type PushFromDaemonOptions } from './push-from-daemon.ts';
import { describeOutcome } from './tag-failure.ts';
import type { Published } from './target.ts';
import type { ArchiveFiles } from './tar-index.ts';
import { uploadFromDaemon, type UploadFromDaemonOptions } from './upload-from-daemon.ts';

/** What the build left, and where. */
export type ImageToPublish =
  /** containerd store: BuildKit has pushed it by digest to these repositories (`host/path`). */
  | { readonly kind: 'pushed'; readonly digest: Digest; readonly repositories: readonly string[] }
  /** containerd store: it is here, as an archive. */
  | { readonly kind: 'received'; readonly digest: Digest; readonly files: ArchiveFiles }
  /** graphdriver store: the daemon holds it under a temporary name. */
  | ({ readonly kind: 'stored' } & Pick<UploadFromDaemonOptions, 'name' | 'id' | 'rebuild'>);

export type PublishOptions = Omit<UploadFromDaemonOptions, 'name' | 'id' | 'rebuild'> & {
  readonly targets: PushFromDaemonOptions['targets'];
  readonly sourceAt: PushFromDaemonOptions['sourceAt'];
  /** Looks into an image that is here, as `beforeTags` looks into one that is there. */
  readonly inspect?: PublishReceivedOptions['inspect'];
};

/**
 * Blobs first, manifests by digest next, tags last, over all targets. Throws PluginError; its details tell each tag's
 * state, also when the run was stopped and everything is published nevertheless.
 */
export async function publishImage(
  image: ImageToPublish,
  options: PublishOptions,
  signal: AbortSignal,
): Promise<Published> {
  return unlessStopped(await publishByWay(image, options, signal), signal);
}

function publishByWay(image: ImageToPublish, options: PublishOptions, signal: AbortSignal): Promise<Published> {
  switch (image.kind) {
    case 'pushed':
      return publishFromDaemonPush({ ...options, ...image }, signal);
    case 'received':
      return publishReceived({ ...options, ...image }, signal);
    case 'stored':
      return uploadFromDaemon({ ...options, ...image }, signal);
  }
}

/** What was published; a PluginError with the state of each tag when the run was stopped meanwhile. */
export function unlessStopped(published: Published, signal: AbortSignal): Published {
  if (signal.aborted) throw stoppedTooLate(published, signal.reason);
  return published;
}

/** A stop that came while the tags moved, which is finished rather than broken off. */
function stoppedTooLate({ tags }: Published, cause: unknown): PluginError {
  return new PluginError({
    code: 'stopped',
    exitCode: 143,
    message: 'stopped while the tags moved, which was finished first',
    details: tags.map(describeOutcome),
    cause,
  });
}
