// Reads back what was just written. A registry of several replicas may need a moment until each of them shows it, so
// an absence counts only after some tries; bytes that are there but wrong count at once, where they are compared.
import { setTimeout as delay } from 'node:timers/promises';
import { statusOf } from './failure-facts.ts';
import type { ReplicaPatience, TagStore } from './target.ts';

/** Reads until `isThere` holds or patience ends; the last answer either way. */
export async function readUntil<Answer>(
  read: () => Promise<Answer>,
  isThere: (answer: Answer) => boolean,
  patience: ReplicaPatience,
  signal: AbortSignal,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await read();
    if (isThere(answer) || attempt >= patience.tries) return answer;
    await delay(patience.waitMs, undefined, { signal });
  }
}

/**
 * Whether a manifest that a HEAD does not show may be there all the same: a login without the right to pull gets the same
 * answer to a HEAD as for an absent one, and only a GET tells the two apart.
 */
export async function isHidden(repository: TagStore, tagOrDigest: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await repository.getManifest(tagOrDigest, signal)) !== undefined;
  } catch (error) {
    signal.throwIfAborted();
    const status = statusOf(error);
    if (status === 401 || status === 403) return true;
    throw error;
  }
}
