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
/** A daemon that was told to stop does so within 60 ms; what it had begun to write takes a little longer. */
const looks = 4;
const betweenLooksMs = 150;

export interface RemoveOptions {
  /** The daemon has not said that the build is over: the name may appear a moment from now. */
  readonly mayStillCome?: boolean;
  /** 5 s unless given; never the signal of the run, which is aborted when this matters most. */
  readonly signal?: AbortSignal;
}

/**
 * Removes a temporary name. A name that is not there is fine.
 *
 * @throws EngineApiError when the daemon still refuses after three attempts, or the signal's reason; the caller warns
 */
export async function removeTemporaryImage(
  engine: Pick<Engine, 'docker'>,
  name: string,
  { mayStillCome = false, signal = AbortSignal.timeout(removeLimitMs) }: RemoveOptions = {},
): Promise<void> {
  if (!name.startsWith(temporaryDomain)) throw new Error(`not a temporary image name: ${name}`);
  for (let look = 1; ; look++) {
    const wasThere = await removeOnce(engine, name, signal);
    if (wasThere || !mayStillCome || look === looks) return;
    await delay(betweenLooksMs, undefined, { signal });
  }
}

/** @returns whether there was something to remove */
async function removeOnce(engine: Pick<Engine, 'docker'>, name: string, signal: AbortSignal): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      await engine.docker.getImage(name).remove({ abortSignal: signal });
      return true;
    } catch (error) {
      if (!(error instanceof EngineApiError)) throw error;
      if (error.status === 404) return false;
      if (!mayPass(error, attempt)) throw error;
      await delay(betweenAttemptsMs, undefined, { signal });
    }
  }
}

/** A daemon that is lost may be about to be back: it is waited for as long as there is time. */
function mayPass({ status }: EngineApiError, attempt: number): boolean {
  if (status === undefined) return true;
  return (status === 409 || status === 500) && attempt < attempts;
}

/** Gives an image that has a temporary name another one. Throws EngineApiError. */
export async function nameTemporaryImage(
  engine: Pick<Engine, 'docker'>,
  name: string,
  further: string,
  signal: AbortSignal,
): Promise<void> {
  if (!further.startsWith(temporaryDomain)) throw new Error(`not a temporary image name: ${further}`);
  const colon = further.lastIndexOf(':');
  const options = { repo: further.slice(0, colon), tag: further.slice(colon + 1), abortSignal: signal };
  await engine.docker.getImage(name).tag(options);
}

/** Whether the daemon has the name. Throws EngineApiError. */
export async function hasTemporaryImage(
  engine: Pick<Engine, 'docker'>,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  const options: object = { abortSignal: signal };
  try {
    await engine.docker.getImage(name).inspect(options);
    return true;
  } catch (error) {
    if (error instanceof EngineApiError && error.status === 404) return false;
    throw error;
  }
}
