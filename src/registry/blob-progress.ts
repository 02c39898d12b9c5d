// Whether one blob still comes further, over all tries to bring it. A try that stalls is broken off and repeated, which helps
// with one bad connection; a registry that takes nothing at all must not be fed for hours.

/** Aborts `signal` when no byte beyond those of all tries before got through for too long. Stop it at the end. */
export class BlobProgress {
  readonly #limitMs: number;
  readonly #stuck = new AbortController();
  readonly #errorOf: (limitMs: number) => Error;
  #timer: NodeJS.Timeout | undefined;
  #mostBytes = 0;
  /** Of the try that came furthest: a repeat may take as long to come there again. */
  #furthestMs = 0;
  #tryMs = performance.now();
  #progressMs = this.#tryMs;
  #pausedMs: number | undefined = this.#tryMs;

  constructor(limitMs: number, errorOf: (limitMs: number) => Error) {
    this.#limitMs = limitMs;
    this.#errorOf = errorOf;
  }

  /** Of all tries. */
  get mostBytes(): number {
    return this.#mostBytes;
  }

  get signal(): AbortSignal {
    return this.#stuck.signal;
  }

  /** A try has its place among the uploads: from here on its time counts. */
  begin(): void {
    const nowMs = performance.now();
    // Who waits for a place is not stuck.
    if (this.#pausedMs !== undefined) this.#progressMs += nowMs - this.#pausedMs;
    this.#pausedMs = undefined;
    this.#tryMs = nowMs;
    this.#arm();
  }

  /** Bytes of the current try. */
  moved(sentBytes: number): void {
    if (sentBytes <= this.#mostBytes) return;
    this.#mostBytes = sentBytes;
    this.#progressMs = performance.now();
    this.#furthestMs = this.#progressMs - this.#tryMs;
  }

  pause(): void {
    this.#pausedMs ??= performance.now();
    clearTimeout(this.#timer);
  }

  #arm(): void {
    const leftMs = this.#progressMs + this.#furthestMs + this.#limitMs - performance.now();
    if (leftMs <= 0) this.#stuck.abort(this.#errorOf(this.#limitMs));
    else this.#timer = setTimeout(() => this.#arm(), leftMs);
  }
}
