// The one place where anything is tried again. A task says of each failure whether a repeat may help; this says when, and
// how often in all: full jitter, a gate per origin that a Retry-After closes for everybody, and a budget per run, so that a
// dying server is not hammered. Nothing that runs in a task may retry by itself: nested repeats multiply.
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from './log.ts';

/** Numbers of the retry policy. */
export interface RetryLimits {
  /** Tries of one task, the first included. */
  readonly attempts: number;
  /** The wait before the n-th repeat is random between 0 and this times 2^(n-1). */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** A server that asks for a longer wait is told no: the run fails and says the figure. */
  readonly maxRetryAfterMs: number;
  /** The run's patience: all waits together, and all repeats together. */
  readonly budgetWaitMs: number;
  readonly budgetRetries: number;
  /** Bytes that must get through to count as progress; then the tries start anew. */
  readonly progressBytes: number;
}

/**
 * Six tries span about 15 s of waiting on average, which outlasts the restart of a registry behind a balancer. Five
 * minutes in all outlast a node's replacement; after that a pipeline's own repeat is the better tool.
 */
export const defaultRetryLimits: RetryLimits = {
  attempts: 6,
  baseDelayMs: 500,
  maxDelayMs: 15_000,
  maxRetryAfterMs: 120_000,
  budgetWaitMs: 300_000,
  budgetRetries: 60,
  progressBytes: 8 * 1024 * 1024,
};

/** Time and chance, passed in so that tests own them. */
export interface Clock {
  /** Monotonic. */
  nowMs(): number;
  /** Rejects with the signal's reason when it aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** From 0 to below 1. */
  random(): number;
}

/** The real one. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    signal.throwIfAborted();
    try {
      await delay(milliseconds, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  },
  random: () => Math.random(),
};

/** What a failed try means for the next one. */
export type Verdict =
  | { readonly kind: 'final' }
  | {
      readonly kind: 'retry';
      /** For the log: "503", "connection reset". */
      readonly cause: string;
      /** Fewer tries than usual for this cause, the first included. */
      readonly attempts?: number;
      /** What the server asked for. */
      readonly retryAfterMs?: number;
      /** The server is busy: everybody waits, not only this task. */
      readonly isBusy?: boolean;
      /** An idle connection had been closed: repeated at once, once per task, without being counted. */
      readonly isFree?: boolean;
    };

/** How a task ended that was given up. */
export interface GivenUp {
  /** Tries made. */
  readonly attempts: number;
  readonly elapsedMs: number;
  /** The server asked for more than may be waited. */
  readonly refusedWaitMs?: number;
  /** This task might have been tried again, but the run as a whole has waited and repeated enough. */
  readonly isPatienceSpent?: boolean;
}

export interface Task<Result> {
  /** Scheme, host and port, or any name of what shares one gate. */
  readonly origin: string;
  /** For the log, completes "... failed": "upload of sha256:0123 to host/app". */
  readonly what: string;
  /** Other waits than the usual ones, for what is dear to repeat. */
  readonly delays?: Pick<RetryLimits, 'baseDelayMs' | 'maxDelayMs'>;
  /** @param number 1 for the first try */
  attempt(number: number): Promise<Result>;
  judge(error: unknown): Verdict;
  /** The error to throw in the end. */
  giveUp(error: unknown, how: GivenUp): unknown;
  /** Most bytes that any try got through so far. */
  progressBytes?(): number;
}

interface TaskState {
  attempts: number;
  attemptsSinceProgress: number;
  bytesAtProgress: number;
  /** Since progress, by the causes that have limits of their own. */
  readonly failures: Map<string, number>;
  wasResentFree: boolean;
  readonly startMs: number;
}

/** Runs tasks under one budget; one per run. */
export class Retrier {
  readonly #limits: RetryLimits;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #gates = new Map<string, number>();
  #waitedMs = 0;
  #retries = 0;

  constructor(limits: RetryLimits, clock: Clock, log: Log) {
    this.#limits = limits;
    this.#clock = clock;
    this.#log = log;
  }

  /** Runs a task to its result, to its last failure, or until the signal aborts. */
  async run<Result>(task: Task<Result>, signal: AbortSignal): Promise<Result> {
    const startMs = this.#clock.nowMs();
    const state: TaskState = {
      attempts: 0,
      attemptsSinceProgress: 0,
      bytesAtProgress: 0,
      failures: new Map(),
      wasResentFree: false,
      startMs,
    };
    for (;;) {
      signal.throwIfAborted();
      await this.#passGate(task.origin, signal);
      state.attempts += 1;
      state.attemptsSinceProgress += 1;
      try {
        return await task.attempt(state.attempts);
      } catch (error) {
        signal.throwIfAborted();
        await this.#waitOrGiveUp(task, state, error, signal);
      }
    }
  }

  async #waitOrGiveUp<Result>(
    task: Task<Result>,
    state: TaskState,
    error: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    const verdict = task.judge(error);
    const how = { attempts: state.attempts, elapsedMs: this.#clock.nowMs() - state.startMs };
    if (verdict.kind === 'final') throw task.giveUp(error, how);
    if (verdict.isFree === true && !state.wasResentFree) {
      state.wasResentFree = true;
      state.attemptsSinceProgress -= 1;
      this.#log.debug(`${task.what}: ${verdict.cause} on an idle connection, sent again`);
      return;
    }
    this.#noteProgress(task, state);
    const { tries, limit } = this.#triesOf(verdict, state);
    if (tries >= limit || state.attemptsSinceProgress >= this.#limits.attempts) throw task.giveUp(error, how);
    const waitMs = this.#waitFor(verdict.retryAfterMs, state.attemptsSinceProgress, task.delays ?? this.#limits);
    const askedMs = verdict.retryAfterMs ?? 0;
    if (askedMs > this.#limits.maxRetryAfterMs) throw task.giveUp(error, { ...how, refusedWaitMs: askedMs });
    const closesGate = verdict.isBusy === true || askedMs > 0;
    const newWaitMs = closesGate ? this.#extensionOf(task.origin, waitMs) : waitMs;
    // What was under way when a gate closed is sent back as well: one wait for all of them, and one repeat.
    const isShared = closesGate && newWaitMs === 0;
    if (!isShared && !this.#charge(newWaitMs)) {
      const asked = askedMs > 0 ? { refusedWaitMs: askedMs } : {};
      throw task.giveUp(error, { ...how, ...asked, isPatienceSpent: true });
    }
    if (closesGate) this.#closeGate(task.origin, waitMs);
    const repeat = `repeat ${tries} of ${limit - 1}`;
    this.#log.info(`${task.what}: ${verdict.cause}; ${repeat} in ${(waitMs / 1000).toFixed(1)} s`);
    await this.#clock.sleep(waitMs, signal);
  }

  #waitFor(
    askedMs: number | undefined,
    repeat: number,
    { baseDelayMs, maxDelayMs }: Pick<RetryLimits, 'baseDelayMs' | 'maxDelayMs'>,
  ): number {
    const jitterMs = this.#clock.random() * Math.min(maxDelayMs, baseDelayMs * 2 ** (repeat - 1));
    return Math.max(askedMs ?? 0, jitterMs);
  }

  #noteProgress<Result>(task: Task<Result>, state: TaskState): void {
    const bytes = task.progressBytes?.() ?? 0;
    if (bytes - state.bytesAtProgress < this.#limits.progressBytes) return;
    state.bytesAtProgress = bytes;
    state.attemptsSinceProgress = 1;
    state.failures.clear();
  }

  /** Those that count for a failure: its own where its cause has a limit, all of them otherwise. */
  #triesOf(
    { cause, attempts }: { readonly cause: string; readonly attempts?: number },
    state: TaskState,
  ): { readonly tries: number; readonly limit: number } {
    if (attempts === undefined) return { tries: state.attemptsSinceProgress, limit: this.#limits.attempts };
    const tries = (state.failures.get(cause) ?? 0) + 1;
    state.failures.set(cause, tries);
    return { tries, limit: Math.min(attempts, this.#limits.attempts) };
  }

  /** Takes a wait from the run's patience; false when that is used up. */
  #charge(waitMs: number): boolean {
    const { budgetRetries, budgetWaitMs } = this.#limits;
    if (this.#retries >= budgetRetries || this.#waitedMs + waitMs > budgetWaitMs) return false;
    this.#retries += 1;
    this.#waitedMs += waitMs;
    return true;
  }

  /** By how much a wait is longer than the one that is on already. */
  #extensionOf(origin: string, waitMs: number): number {
    const nowMs = this.#clock.nowMs();
    return Math.max(0, nowMs + waitMs - Math.max(nowMs, this.#gates.get(origin) ?? 0));
  }

  #closeGate(origin: string, waitMs: number): void {
    const untilMs = this.#clock.nowMs() + waitMs;
    this.#gates.set(origin, Math.max(untilMs, this.#gates.get(origin) ?? 0));
  }

  async #passGate(origin: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const leftMs = (this.#gates.get(origin) ?? 0) - this.#clock.nowMs();
      if (leftMs <= 0) return;
      await this.#clock.sleep(leftMs, signal);
    }
  }
}
