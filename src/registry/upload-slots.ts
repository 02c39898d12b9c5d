// How many bodies travel to one registry at a time. Six fill a line, more fill the registry's disk queue; one place is kept
// for small bodies, so that configs and manifests do not wait behind layers of gigabytes.

/** What passes the kept place. */
const smallBytes = 1024 * 1024;

interface Waiting {
  readonly isSmall: boolean;
  readonly enter: () => void;
}

/** A counter with two doors. */
export class UploadSlots {
  readonly #total: number;
  readonly #waiting = new Set<Waiting>();
  #used = 0;
  #large = 0;

  constructor(total: number) {
    this.#total = total;
  }

  /** Waits for a place. @returns gives it back; call it exactly once */
  async take(sizeBytes: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const isSmall = sizeBytes < smallBytes;
    if (!this.#hasPlace(isSmall)) await this.#wait(isSmall, signal);
    else this.#enter(isSmall);
    return () => this.#leave(isSmall);
  }

  #hasPlace(isSmall: boolean): boolean {
    return this.#used < this.#total && (isSmall || this.#large < Math.max(1, this.#total - 1));
  }

  #enter(isSmall: boolean): void {
    this.#used += 1;
    if (!isSmall) this.#large += 1;
  }

  #leave(isSmall: boolean): void {
    this.#used -= 1;
    if (!isSmall) this.#large -= 1;
    for (const next of this.#waiting) {
      if (!this.#hasPlace(next.isSmall)) continue;
      this.#waiting.delete(next);
      this.#enter(next.isSmall);
      next.enter();
    }
  }

  async #wait(isSmall: boolean, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiting);
        reject(signal.reason);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const waiting: Waiting = { isSmall, enter };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
