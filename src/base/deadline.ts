// A signal that follows another one and may also end by a time limit. What is known late (the limit comes from the settings)
// can so be added to a signal that everything has listened to from the start.
import { setMaxListeners } from 'node:events';

/** The signal of a run: aborted with the process's own one, or when the time is up. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #follow = (): void => this.#controller.abort(this.#outer.reason);
  #timer: NodeJS.Timeout | undefined;

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    // Every request and connection under way listens to it.
    setMaxListeners(0, this.#controller.signal);
    if (outer.aborted) this.#follow();
    else outer.addEventListener('abort', this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Begins to count. The first reason for an abort is the one that counts. */
  start(limitMs: number, reason: Error): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(reason), limitMs);
  }

  /** Ends the count; the signal stays as it is. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.#follow);
  }
}
