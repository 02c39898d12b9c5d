// Parts of a stream, one after the other, without opening it for each. A part that is asked for again opens it anew.
import { Readable } from 'node:stream';

/** Close it at the end. */
export class PartReader {
  readonly #open: () => Readable;
  #chunks: AsyncIterator<unknown> | undefined;
  #rest: Uint8Array = new Uint8Array();
  #at = 0;

  constructor(open: () => Readable) {
    this.#open = open;
  }

  open(offset: number, sizeBytes: number): Readable {
    return Readable.from(this.#part(offset, sizeBytes), { objectMode: false });
  }

  async close(): Promise<void> {
    await this.#chunks?.return?.();
    this.#chunks = undefined;
  }

  async *#part(offset: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
    // The end of a body that has gone out already: nothing needs to be read for it.
    if (sizeBytes === 0) return;
    if (this.#chunks === undefined || this.#at !== offset) await this.#seek(offset);
    for (let left = sizeBytes; left > 0;) {
      const piece = await this.#take(left);
      if (piece === undefined) return;
      left -= piece.length;
      yield piece;
    }
  }

  async #seek(offset: number): Promise<void> {
    await this.close();
    this.#chunks = this.#open()[Symbol.asyncIterator]();
    this.#rest = new Uint8Array();
    this.#at = 0;
    while (this.#at < offset && (await this.#take(offset - this.#at)) !== undefined);
  }

  /** The next bytes, at most so many; undefined at the end. */
  async #take(maxBytes: number): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) {
      const next = await this.#chunks?.next();
      if (next === undefined || next.done === true || !(next.value instanceof Uint8Array)) return undefined;
      this.#rest = next.value;
    }
    const piece = this.#rest.subarray(0, maxBytes);
    this.#rest = this.#rest.subarray(piece.length);
    this.#at += piece.length;
    return piece;
  }
}
