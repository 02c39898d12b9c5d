// Reads from a daemon that may restart meanwhile: what broke off is asked for again once it is back.
import type { Retrier, Verdict } from '../base/retry.ts';
import type { Engine } from '../engine/connect.ts';
import { EngineApiError } from '../engine/docker-api.ts';

/** What an engine's own trouble allows: one more look, in case that it was the load of the moment. */
const attemptsAfterRefusal = 2;

/** Which daemon, and whose patience. */
export interface AskedDaemon {
  readonly engine: Pick<Engine, 'address' | 'untilBack'>;
  /** The run's, which the daemon shares with the registries. */
  readonly retrier: Pick<Retrier, 'run'>;
}

/** Works until it is done or hopeless. Throws what the last try threw. @param what for the log: "image export" */
export async function askDaemonAgain<Result>(
  { engine, retrier }: AskedDaemon,
  what: string,
  work: (number: number) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const attempt = async (number: number): Promise<Result> => {
    if (number > 1) await engine.untilBack(signal);
    return work(number);
  };
  const giveUp = (error: unknown): unknown => error;
  return retrier.run({ origin: engine.address, what: `daemon, ${what}`, attempt, judge, giveUp }, signal);
}

function judge(error: unknown): Verdict {
  if (!(error instanceof EngineApiError) || isAbsence(error)) return { kind: 'final' };
  if (error.status === undefined) return { kind: 'retry', cause: error.said };
  if (error.status < 500) return { kind: 'final' };
  return { kind: 'retry', cause: `status ${error.status} (${error.said})`, attempts: attemptsAfterRefusal };
}

/** Whether the daemon said that it has no such thing. */
export function isAbsence(error: unknown): boolean {
  return error instanceof EngineApiError && error.status === 404;
}
