// The names that this plugin writes into a daemon's image store: all of them under docker-build.invalid/, which no
// registry can own. They are removed by name, without force and never by id: the name is the only thing that is ours.
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from './connect.ts';
import { EngineApiError } from './docker-api.ts';

/** Every temporary name begins so. RFC 6761 keeps `.invalid` from ever being a host. */
export const temporaryDomain = 'docker-build.invalid/';

const removeLimitMs = 5000;
/** A conflict or an internal error while another build of the same image is written; it passes. */
const attempts = 3;
const betweenAttemptsMs = 500;

/**
 * Removes a temporary name. A name that is not there is fine (a reaper was faster).
 *
 * @param signal 5 s unless given; never the signal of the run, which is aborted when this matters most
 * @throws EngineApiError when the daemon still refuses after three attempts; the caller warns
 */
export async function removeTemporaryImage(
  engine: Pick<Engine, 'docker'>,
  name: string,
  signal: AbortSignal = AbortSignal.timeout(removeLimitMs),
): Promise<void> {
  if (!name.startsWith(temporaryDomain)) throw new Error(`not a temporary image name: ${name}`);
  for (let attempt = 1; ; attempt++) {
    try {
      await engine.docker.getImage(name).remove({ abortSignal: signal });
      return;
    } catch (error) {
      const status = error instanceof EngineApiError ? error.status : undefined;
      if (status === 404) return;
      if ((status !== 409 && status !== 500) || attempt === attempts) throw error;
      await delay(betweenAttemptsMs, undefined, { signal });
    }
  }
}
