// How long each part of a run took, for the summary; and which part a run was in when it was stopped.

/** A stopwatch with named laps. */
export class Phases {
  readonly #now: () => number;
  readonly #laps: [name: string, startMs: number][] = [];

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Ends the current phase and starts the next one; names are what is being done: `build`, `publish`. */
  start(name: string): void {
    this.#laps.push([name, this.#now()]);
  }

  get current(): string {
    return this.#laps.at(-1)?.[0] ?? 'start';
  }

  /** @returns each phase with its length in milliseconds, the last one up to now */
  durations(): readonly (readonly [name: string, milliseconds: number])[] {
    const end = this.#now();
    return this.#laps.map(([name, start], index) => [name, (this.#laps[index + 1]?.[1] ?? end) - start]);
  }
}
