// Notices that no bytes move. A connection that is open and silent looks healthy to everybody but the one who waits.

/** Thrown when bytes stopped moving. The code makes it a timeout for the retry policy. */
export class StalledError extends Error {
  readonly code = 'ETIMEDOUT';
}

/**
 * Calls back once when fewer than `minBytes` moved within `limitMs`; tell it of each move, and stop it at the end. Its clock
 * runs from the start, and stands still while it is paused: then somebody else is waited for.
 */
export class StallWatch {
  readonly #limitMs: number;
  readonly #minBytes: number;
  readonly #onStall: (error: StalledError) => void;
  #timer: NodeJS.Timeout | undefined;
  #movedBytes = 0;
  #leftMs: number;
  #resumedMs = 0;
  #isOver = false;

  constructor(limitMs: number, minBytes: number, onStall: (error: StalledError) => void) {
    this.#limitMs = limitMs;
    this.#minBytes = minBytes;
    this.#onStall = onStall;
    this.#leftMs = limitMs;
    this.resume();
  }

  moved(bytes: number): void {
    this.#movedBytes += bytes;
  }

  pause(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#resumedMs));
  }

  resume(): void {
    if (this.#isOver || this.#timer !== undefined) return;
    this.#resumedMs = performance.now();
    this.#timer = setTimeout(() => this.#look(), this.#leftMs);
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    const hasMoved = this.#movedBytes >= this.#minBytes;
    if (hasMoved) {
      this.#movedBytes = 0;
      this.#leftMs = this.#limitMs;
      this.resume();
      return;
    }
    this.stop();
    this.#onStall(new StalledError(`no progress for ${(this.#limitMs / 1000).toFixed(0)} s`));
  }
}
