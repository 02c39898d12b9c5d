// Waits for a registry to put away a blob that it has received. Stores that assemble gigabytes are silent for minutes, and
// sometimes the answer is lost on the way though the work is done: so the registry is asked in between.

/** Thrown into the request whose answer is not needed any more. */
export class AlreadyStored extends Error {}

/** Asks every so often, once it was started, until somebody stops it. */
export class CommitWatch {
  readonly #everyMs: number;
  readonly #isStored: () => Promise<boolean>;
  readonly #stored = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /** @param isStored what it throws is no news */
  constructor(everyMs: number, isStored: () => Promise<boolean>) {
    this.#everyMs = everyMs;
    this.#isStored = isStored;
  }

  /** Aborts with AlreadyStored. */
  get signal(): AbortSignal {
    return this.#stored.signal;
  }

  /** The whole body is out. */
  start(): void {
    if (this.#isOver || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#ask(), this.#everyMs);
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    const isStored = await this.#isStored().catch(() => false);
    if (this.#isOver) return;
    if (isStored) this.#stored.abort(new AlreadyStored('the registry has the blob'));
    else this.#timer = setTimeout(() => void this.#ask(), this.#everyMs);
  }
}
