// How the image travels to its registries, from the settings.
import type { Settings } from '../settings/settings.ts';

/** How the image travels. */
export interface UploadPlan {
  readonly retries: number;
  readonly maxConcurrentUploads: number;
  readonly compressionLevel: number;
  /** What is read back after publishing. */
  readonly verify: 'tags' | 'full' | 'off';
  /** What becomes of tags that moved before another one was refused. */
  readonly onPartialPublish: 'restore' | 'keep';
}

/** How the image travels, by the settings. */
export function uploadPlan({ values }: Settings): UploadPlan {
  return {
    retries: values.retries,
    maxConcurrentUploads: values.max_concurrent_uploads,
    compressionLevel: values.compression_level,
    verify: values.verify,
    onPartialPublish: values.on_partial_publish,
  };
}
