// Notices that no bytes move. A connection that is open and silent looks healthy to everybody but the one who waits.

/** Thrown when bytes stopped moving. The code makes it a timeout for the retry policy. */
export class StalledError extends Error {
  readonly code = 'ETIMEDOUT';
}

/** Calls back once when fewer than `minBytes` moved within `limitMs`; tell it of each move, and stop it at the end. */
export class StallWatch {
  readonly #timer: NodeJS.Timeout;
  #movedBytes = 0;

  constructor(limitMs: number, minBytes: number, onStall: (error: StalledError) => void) {
    this.#timer = setInterval(() => {
      if (this.#movedBytes >= minBytes) {
        this.#movedBytes = 0;
        return;
      }
      this.stop();
      onStall(new StalledError(`no progress for ${(limitMs / 1000).toFixed(0)} s`));
    }, limitMs);
  }

  moved(bytes: number): void {
    this.#movedBytes += bytes;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
