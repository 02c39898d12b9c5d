// Parts of a stream, one after the other, without opening it for each. A part that is asked for again opens it anew, so that
// one that was given up takes nothing away from it.
import { Readable } from 'node:stream';

/** Close it at the end. */
export class PartReader {
  readonly #open: () => Readable;
  /** Of the last part that was read to its end. Each part takes it along, and nobody else reads from it then. */
  #idle: Cursor | undefined;

  constructor(open: () => Readable) {
    this.#open = open;
  }

  open(offset: number, sizeBytes: number): Readable {
    return Readable.from(this.#part(offset, sizeBytes), { objectMode: false });
  }

  async close(): Promise<void> {
    await this.#takeIdle()?.close();
  }

  async *#part(offset: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
    // The end of a body that has gone out already: nothing needs to be read for it.
    if (sizeBytes === 0) return;
    const cursor = await this.#cursorAt(offset);
    let left = sizeBytes;
    try {
      await cursor.skipTo(offset);
      while (left > 0) {
        const piece = await cursor.take(left);
        if (piece === undefined) return;
        left -= piece.length;
        // Before the last piece is out: the next part may be asked for as soon as it is.
        if (left === 0) await this.#giveBack(cursor);
        yield piece;
      }
    } finally {
      if (left > 0) await cursor.close();
    }
  }

  async #cursorAt(offset: number): Promise<Cursor> {
    const idle = this.#takeIdle();
    if (idle?.at === offset) return idle;
    await idle?.close();
    return new Cursor(this.#open());
  }

  #takeIdle(): Cursor | undefined {
    const idle = this.#idle;
    this.#idle = undefined;
    return idle;
  }

  async #giveBack(cursor: Cursor): Promise<void> {
    const other = this.#takeIdle();
    this.#idle = cursor;
    await other?.close();
  }
}

/** A stream that was read up to a place. */
class Cursor {
  readonly #chunks: AsyncIterator<unknown>;
  #rest: Uint8Array = new Uint8Array();
  #at = 0;

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  get at(): number {
    return this.#at;
  }

  /** Goes forward to a place, or to the end. */
  async skipTo(offset: number): Promise<void> {
    while (this.#at < offset && (await this.take(offset - this.#at)) !== undefined);
  }

  /** The next bytes, at most so many; undefined at the end. */
  async take(maxBytes: number): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true || !(next.value instanceof Uint8Array)) return undefined;
      this.#rest = next.value;
    }
    const piece = this.#rest.subarray(0, maxBytes);
    this.#rest = this.#rest.subarray(piece.length);
    this.#at += piece.length;
    return piece;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
