// A registry that says of a manifest that it lacks a blob of it: its clean-up ran between the two, or a replica lags behind.
// Peers give up here. OCI distribution-spec 1.1, code MANIFEST_BLOB_UNKNOWN.
import { PluginError } from '../base/plugin-error.ts';

/** A registry that loses it again and again is broken. */
const maxRounds = 2;

/** Puts a manifest; on the loss of a blob, what it refers to is brought again before another try. */
export async function despiteLostBlobs<Result>(
  put: () => Promise<Result>,
  bringAgain: () => Promise<void>,
): Promise<Result> {
  for (let round = 1; ; round += 1) {
    try {
      return await put();
    } catch (error) {
      if (!isLoss(error) || round > maxRounds) throw error;
      await bringAgain();
    }
  }
}

function isLoss(error: unknown): boolean {
  return error instanceof PluginError && error.code === 'blob-lost';
}
