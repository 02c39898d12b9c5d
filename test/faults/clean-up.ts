// What a run of the bench has made and has to undo, whatever fails: one thing that cannot be undone keeps no other from it, and
// hides no error that came before it.

/** Steps that are taken in the end, last first. */
export class CleanUp {
  readonly #steps: (() => Promise<void> | void)[] = [];

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  /** Never throws: a step that fails is a warning. */
  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).toReversed()) {
      try {
        await step();
      } catch (error) {
        console.warn(`clean-up of the fault bench: ${String(error)}`);
      }
    }
  }
}
