// Which builds are tried again. BuildKit keeps the steps that are done, so a repeat is nearly free: a push that failed by an
// accident gets three more, and a build whose connection, session or cache was lost one. All of them, and their waits, come
// out of the one budget of the run.
import { PluginError } from '../base/plugin-error.ts';
import type { Retrier, Verdict } from '../base/retry.ts';
import { BuildFailure } from './build-failure.ts';
import { PushStalled } from './push-watch.ts';

/** BuildKit itself has tried for some seconds before it fails, so the waits are longer than those for requests. */
const delays = { baseDelayMs: 2_000, maxDelayMs: 30_000 };
const maxTries = 4;
const maxLosses = 1;
/** Nobody knows how these builds ended, or they ended because their ground was taken away. */
const lostCodes: ReadonlySet<string> = new Set(['connection-lost', 'session-lost', 'cache-lost']);

export interface RepeatOptions {
  /** The run's, or one of a test. */
  readonly retrier: Pick<Retrier, 'run'>;
  /** A failure for which the caller knows something better than the same again. */
  readonly isFinal: (error: unknown) => boolean;
}

/**
 * Runs a build until it succeeds, fails for good, or has been tried often enough. Throws the last failure.
 *
 * @param build gets 1 for the first try
 */
export function repeatBuild<Result>(
  build: (number: number) => Promise<Result>,
  { retrier, isFinal }: RepeatOptions,
  signal: AbortSignal,
): Promise<Result> {
  let tries = 0;
  let losses = 0;
  const judge = (error: unknown): Verdict => {
    tries += 1;
    // Whatever the causes: each failure of a push has words of its own.
    if (isFinal(error) || tries >= maxTries) return { kind: 'final' };
    if (error instanceof PushStalled) return again(error.message);
    if (error instanceof BuildFailure && error.push?.isTransient === true) return again(error.message);
    if (!isLostBuild(error)) return { kind: 'final' };
    losses += 1;
    return losses > maxLosses ? { kind: 'final' } : again(error.message);
  };
  const giveUp = (error: unknown): unknown => error;
  return retrier.run({ origin: 'builds', what: 'build', delays, attempt: build, judge, giveUp }, signal);
}

function isLostBuild(error: unknown): error is PluginError {
  return (error instanceof BuildFailure && lostCodes.has(error.code)) || isDaemonLost(error);
}

/** Whether a daemon hung up, or was not there, when something was asked of it. */
export function isDaemonLost(error: unknown): error is PluginError {
  return error instanceof PluginError && (error.code === 'daemon-lost' || error.code === 'daemon-unavailable');
}

function again(cause: string): Verdict {
  return { kind: 'retry', cause, attempts: maxTries };
}

/** Whether a build was done, so that its steps have nothing new to tell, and only its push was not. */
export function isPushFailure(error: unknown): boolean {
  return error instanceof PushStalled || (error instanceof BuildFailure && error.push !== undefined);
}
