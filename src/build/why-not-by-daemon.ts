// When a daemon is the wrong one to push: the same push from another place, or by somebody who knows more roads and sees more of
// the way, may succeed. Refused logins and rights are the same for everybody.
import { PluginError } from '../base/plugin-error.ts';
import { BuildFailure } from './build-failure.ts';
import { PushStalled } from './push-watch.ts';

const refusedExitCode = 3;

/** Why somebody else should send the image, as the begin of a sentence; undefined when that would not help. */
export function whyNotByDaemon(error: unknown): string | undefined {
  if (error instanceof PushStalled && error.stage === 'layers') return error.message;
  if (!(error instanceof BuildFailure) || error.push === undefined || error.exitCode === refusedExitCode)
    return undefined;
  return error.push.isUnreachable
    ? `the daemon cannot reach a registry that this step can reach (${error.push.reason})`
    : error.message;
}

/** The same, and the daemon should not even be given a second chance: the failure will not pass. */
export function isNothingForDaemon(error: unknown): boolean {
  if (whyNotByDaemon(error) === undefined) return false;
  return !(error instanceof BuildFailure) || error.push?.isTransient !== true || error.push.isUnreachable;
}

/** What became of sending it from here. Who reads that there is no room here must know why any was needed. */
export function wordSendingHere(error: unknown, reason: string): unknown {
  if (!(error instanceof PluginError) || error.code !== 'temporary-folder') return error;
  const { code, exitCode, details } = error;
  const hint = [error.hint, '`push_via: daemon` needs no room here'].filter((part) => part !== undefined).join('; ');
  const message = `${reason}; this plugin cannot upload the image itself: ${error.message}`;
  return new PluginError({ code, exitCode, message, hint, details, cause: error });
}
