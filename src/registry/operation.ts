// One thing that is done at a registry, tried until it is done or hopeless: here failures of requests meet the retry policy
// and get their words. Whatever runs in an operation does not retry by itself.
import { PluginError } from '../base/plugin-error.ts';
import type { GivenUp, Retrier, Verdict } from '../base/retry.ts';
import { hopeOf, isBrokenConnection, isTransientStatus } from '../base/transient.ts';
import { UnexpectedAnswer } from './answer.ts';
import { describeNetworkError, networkError } from './network-errors.ts';
import { isPullLimit, type Operation, refusal } from './refusal.ts';

/** Thrown within an operation by something that only starting over can mend. */
export class StartOver extends Error {
  /** Tries for this cause, the first included. */
  readonly attempts: number;
  /** Thrown when the tries are used up. */
  readonly outcome: PluginError;

  constructor(message: string, attempts: number, outcome: PluginError) {
    super(message);
    this.attempts = attempts;
    this.outcome = outcome;
  }
}

/** A connection that broke within an answer: nobody had closed it while it was idle. */
export class BrokeOff extends Error {
  constructor(cause: unknown) {
    super('the answer broke off', { cause });
  }
}

/** What operations share. */
export interface OperationContext {
  readonly retrier: Retrier;
  /** What shares one gate. */
  readonly origin: string;
  /** The origin has answered before: a broken connection may just have been an old one. */
  readonly hasAnswered: () => boolean;
}

/** A 5xx that is an answer after all. */
const finalCodes: ReadonlySet<string> = new Set(['DENIED', 'UNSUPPORTED', 'UNAUTHORIZED']);
/** Refused connections and unknown names: tried twice. */
const doubtfulAttempts = 2;

/** Runs an operation. Throws RegistryError, or what is no failure of the registry as it is. */
export async function operate<Result>(
  context: OperationContext,
  operation: Operation,
  attempt: (number: number) => Promise<Result>,
  signal: AbortSignal,
  progressBytes: () => number = () => 0,
): Promise<Result> {
  return context.retrier.run(
    {
      origin: context.origin,
      what: operation.what,
      attempt,
      judge: (error) => judge(error, context.hasAnswered()),
      giveUp: (error, how) => wordsOf(operation, error, how),
      progressBytes,
    },
    signal,
  );
}

function judge(error: unknown, hasAnswered: boolean): Verdict {
  if (error instanceof StartOver) return { kind: 'retry', cause: error.message, attempts: error.attempts };
  if (error instanceof PluginError) return { kind: 'final' };
  if (error instanceof UnexpectedAnswer) return judgeAnswer(error);
  const hope = hopeOf(error);
  if (hope === 'none') return { kind: 'final' };
  return {
    kind: 'retry',
    cause: describeNetworkError(error),
    isFree: hasAnswered && isBrokenConnection(error) && !(error instanceof BrokeOff),
    // Who has answered before is no typing error: it starts anew.
    ...(hope === 'one-more-try' && !hasAnswered ? { attempts: doubtfulAttempts } : {}),
  };
}

function judgeAnswer({ answer }: UnexpectedAnswer): Verdict {
  const isAnswer = answer.codes.some((code) => finalCodes.has(code));
  if (!isTransientStatus(answer.status) || isAnswer || isPullLimit(answer)) return { kind: 'final' };
  return {
    kind: 'retry',
    cause: `${new URL(answer.origin).host} answered ${answer.status}`,
    isBusy: answer.status === 429 || answer.status === 503,
    ...(answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs }),
  };
}

function wordsOf(operation: Operation, error: unknown, how: GivenUp): unknown {
  if (error instanceof StartOver) return error.outcome;
  if (error instanceof PluginError) return error;
  if (error instanceof UnexpectedAnswer) return refusal(operation, error.answer, how);
  return networkError(operation.party, operation.what, error, how) ?? error;
}
