// The undo list of a run. Each side effect is entered before it happens; whatever is still entered at the end is undone,
// newest first, each within a limit. What cannot be undone is returned by name, for the state line of the log.
import { setTimeout as delay } from 'node:timers/promises';

/** One undo may take this long; all together three times as long. */
const undoLimitMs = 5_000;
const totalLimitMs = 15_000;
/** All undos of a step that is being stopped: it has to be gone in 3 s, and ending a build may take half of that. */
const stoppedLimitMs = 1_200;

interface Entry {
  readonly name: string | undefined;
  readonly undo: () => Promise<void>;
}

/** Collects undos. */
export class Ledger {
  readonly #entries: Entry[] = [];

  /**
   * @param name what a person would look for, e.g. `docker-build.invalid/app:1-2`; undefined for what nobody finds after
   *   the run, such as a connection
   * @returns strikes the entry off again, for effects that ended by themselves
   */
  enter(name: string | undefined, undo: () => Promise<void>): () => void {
    const entry = { name, undo };
    this.#entries.push(entry);
    return () => {
      const position = this.#entries.indexOf(entry);
      if (position >= 0) this.#entries.splice(position, 1);
    };
  }

  /**
   * Undoes everything; never throws.
   *
   * @param run has aborted when the step is being stopped and little time is left; the undos do not end with it
   * @returns the names of what is left behind
   */
  async unwind(run?: AbortSignal): Promise<readonly string[]> {
    const left: string[] = [];
    const endMs = performance.now() + (run?.aborted === true ? stoppedLimitMs : totalLimitMs);
    for (const entry of this.#entries.splice(0).reverse()) {
      const entryLimitMs = Math.min(undoLimitMs, endMs - performance.now());
      if (entryLimitMs > 0 && (await undone(entry, entryLimitMs))) continue;
      if (entry.name !== undefined) left.push(entry.name);
    }
    return left;
  }
}

async function undone(entry: Entry, limitMs: number): Promise<boolean> {
  const timer = new AbortController();
  const timeUp = delay(limitMs, false, { signal: timer.signal }).catch(() => false);
  // A failed undo is not an error of its own: it is reported as left behind.
  const attempt = Promise.resolve()
    .then(entry.undo)
    .then(
      () => true,
      () => false,
    );
  const result = await Promise.race([attempt, timeUp]);
  timer.abort();
  return result;
}
