// When a daemon is the wrong one to push: the same push from another place, or by somebody who sees more of it, may succeed.
// Refused logins and rights are the same for everybody.
import { BuildFailure } from './build-failure.ts';
import { PushStalled } from './push-watch.ts';

/** Why somebody else should send the image, as the begin of a sentence; undefined when that would not help. */
export function whyNotByDaemon(error: unknown): string | undefined {
  if (error instanceof PushStalled && error.stage === 'layers') return error.message;
  if (!(error instanceof BuildFailure) || error.push?.isUnreachable !== true) return undefined;
  return `the daemon cannot reach a registry that this step can reach (${error.push.reason})`;
}
