// How the image travels to its registries, from the settings.
import { imageFormat, type ImageFormatPlan } from './image-format.ts';
import type { Settings } from '../settings/settings.ts';

/** How the image travels. */
export interface UploadPlan {
  readonly retries: number;
  /** How long a registry may say nothing; other patience is measured by it. */
  readonly requestTimeoutMs: number;
  /** Who sends a built image. */
  readonly pushVia: 'auto' | 'daemon' | 'plugin';
  readonly maxConcurrentUploads: number;
  /** Bytes of one request of an upload; 0 = whole blobs. */
  readonly uploadChunkBytes: number;
  /** What this process writes, where it packs the layers. */
  readonly format: ImageFormatPlan;
  /** What is read back after publishing. */
  readonly verify: 'tags' | 'full' | 'off';
  /** What becomes of tags that moved before another one was refused. */
  readonly onPartialPublish: 'restore' | 'keep';
}

/** How the image travels, by the settings. */
export function uploadPlan(settings: Settings): UploadPlan {
  const { values } = settings;
  return {
    retries: values.retries,
    requestTimeoutMs: values.request_timeout,
    pushVia: values.push_via,
    maxConcurrentUploads: values.max_concurrent_uploads,
    uploadChunkBytes: values.upload_chunk_size,
    format: imageFormat(settings),
    verify: values.verify,
    onPartialPublish: values.on_partial_publish,
  };
}
