// The second road to a build's result. A failing build returns its whole Dockerfile in one header; beyond 64 KiB nghttp2
// drops the connection's traffic without any event, and the solve would wait for ever. The daemon's build history tells
// the failure in an ordinary message. "No error in the record" proves nothing and is never taken for success.
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import { ControlClient, type BuildRecord } from './control-client.ts';
import type { Dial } from './dial.ts';
import { CallError } from './grpc-connection.ts';

/** Between two questions; a push may well go on for minutes after the last progress message. */
const longestPauseMs = 10_000;

export interface HistoryWatchOptions {
  readonly dial: Dial;
  readonly ref: string;
  readonly log: Log;
  /** From the end of progress to the first question. */
  readonly delayMs: number;
  /** For one question, connection included. */
  readonly limitMs: number;
}

/** Looks a build up when its answer is overdue or lost. */
export class HistoryWatch {
  readonly #options: HistoryWatchOptions;

  constructor(options: HistoryWatchOptions) {
    this.#options = options;
  }

  /**
   * The answer, or the failure that the history knows while the answer does not come.
   * @param answer rejects with CallError
   * @param progressEnded true: the daemon has ended the progress stream in order, so the build is over
   */
  async answerOrRecordedFailure<T>(answer: Promise<T>, progressEnded: Promise<boolean>): Promise<T> {
    const stop = new AbortController();
    const overdue = this.#failureWhenOverdue(progressEnded, stop.signal);
    try {
      return await Promise.race([
        answer,
        overdue.then((failure) => (failure === undefined ? answer : Promise.reject(failure))),
      ]);
    } catch (error) {
      if (!(error instanceof CallError) || !error.lost) throw error;
      const record = await this.#lookUp(AbortSignal.timeout(this.#options.limitMs));
      throw record.kind === 'failed' ? record.error : error;
    } finally {
      stop.abort();
      // Whichever lost the race has its rejection looked at here.
      await Promise.allSettled([overdue]);
      answer.catch(() => undefined);
    }
  }

  async #failureWhenOverdue(progressEnded: Promise<boolean>, stop: AbortSignal): Promise<CallError | undefined> {
    const stopped = new Promise<false>((resolve) => {
      stop.addEventListener('abort', () => resolve(false), { once: true });
    });
    if (!(await Promise.race([progressEnded, stopped]))) return undefined;
    for (let pauseMs = this.#options.delayMs; !stop.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      await delay(pauseMs, undefined, { signal: stop }).catch(() => undefined);
      if (stop.aborted) break;
      const record = await this.#lookUp(AbortSignal.any([stop, AbortSignal.timeout(this.#options.limitMs)]));
      if (record.kind === 'failed') return record.error;
      if (record.kind === 'unsupported') break;
    }
    return undefined;
  }

  async #lookUp(signal: AbortSignal): Promise<BuildRecord> {
    const { dial, ref, log } = this.#options;
    try {
      const client = await ControlClient.connect(dial, signal);
      try {
        return await client.findBuildRecord(ref, signal);
      } finally {
        client.close();
      }
    } catch (error) {
      log.debug(`build history: ${error instanceof Error ? error.message : 'no answer'}`);
      return { kind: 'inconclusive' };
    }
  }
}
