// PUT of a manifest that survives a clean-up of the registry's storage in the middle of a push: what the manifest refers
// to is looked for, and brought again, before the PUT is repeated.
import { PluginError } from '../base/plugin-error.ts';
import { statusOf } from './failure-facts.ts';
import type { Manifest, TagStore } from './target.ts';

/** A clean-up that hits the same push three times is not a coincidence any more. */
const maxRounds = 2;

/** Sees to it that everything that a manifest refers to is in a repository: what is missing is brought again. */
export type Repair = (repository: TagStore, manifest: Manifest, signal: AbortSignal) => Promise<void>;

/**
 * PUT, with at most two repairs; where nobody here can bring anything again it is just repeated, since a replica may lag
 * behind. Throws PluginError `blob-lost` when the registry misses something all the same.
 */
export async function putManifest(
  repository: TagStore,
  manifest: Manifest,
  target: Parameters<TagStore['putManifest']>[1],
  signal: AbortSignal,
  repair?: Repair,
): Promise<{ readonly confirmedTags: readonly string[] }> {
  for (let round = 0; ; round++) {
    try {
      return await repository.putManifest(manifest, target, signal);
    } catch (error) {
      if (round >= roundsFor(error)) throw round === 0 || repair === undefined ? error : lostAgain(error, round);
      await repair?.(repository, manifest, signal).catch((failure: unknown) => {
        // Where a part may not be looked for it seems to be missing, and a bare 404 has another reason.
        throw isLost(failure) && !isLost(error) ? error : failure;
      });
    }
  }
}

/** A bare 404 may mean blobs, but mostly something that no repair mends: it gets one repeat. */
function roundsFor(error: unknown): number {
  if (isLost(error)) return maxRounds;
  return statusOf(error) === 404 && !isMissingRepository(error) ? 1 : 0;
}

function isLost(error: unknown): error is PluginError {
  return error instanceof PluginError && error.code === 'blob-lost';
}

function isMissingRepository(error: unknown): boolean {
  return error instanceof Error && 'registryCode' in error && error.registryCode === 'NAME_UNKNOWN';
}

function lostAgain(error: unknown, rounds: number): unknown {
  if (!isLost(error)) return error;
  const { code, exitCode, message, hint, details } = error;
  const times = rounds === 1 ? 'once' : 'twice';
  return new PluginError({
    code,
    exitCode,
    message: `${message}; ${times} each part was looked for and uploaded if it was not there, and it says so still`,
    hint,
    details,
    cause: error,
  });
}
