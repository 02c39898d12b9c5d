// The bytes that one build step prints, as lines that are safe to show. BuildKit sends pieces, not lines, and may cut a
// UTF-8 character between two; what a RUN prints is data from strangers, so terminal control beyond colours is removed.
import { StringDecoder } from 'node:string_decoder';

/** A longer line is cut: nobody reads it, and a log server may refuse it. */
const maxLineLength = 16_384;
/** Lines kept for the failure message. */
const tailLines = 50;

interface Stream {
  readonly decoder: StringDecoder;
  partial: string;
}

/** Splits output into lines, one instance a step. */
export class StepOutput {
  readonly #streams = new Map<number, Stream>();
  readonly #tail: string[] = [];

  /** @returns the lines that `data` completed */
  push(data: Uint8Array, streamNumber: number): readonly string[] {
    let stream = this.#streams.get(streamNumber);
    if (stream === undefined) {
      stream = { decoder: new StringDecoder('utf8'), partial: '' };
      this.#streams.set(streamNumber, stream);
    }
    const parts = (stream.partial + stream.decoder.write(Buffer.from(data))).split('\n');
    stream.partial = parts.pop() ?? '';
    const lines = parts.map(printable);
    // A stream without line ends must not grow for ever.
    if (stream.partial.length > maxLineLength) {
      lines.push(printable(stream.partial));
      stream.partial = '';
    }
    this.#remember(lines);
    return lines;
  }

  /** @returns what was printed without a final line end */
  rest(): readonly string[] {
    const lines = [...this.#streams.values()]
      .map((stream) => {
        const text = stream.partial + stream.decoder.end();
        stream.partial = '';
        return text;
      })
      .filter((text) => text !== '')
      .map(printable);
    this.#remember(lines);
    return lines;
  }

  /** @returns the last lines of all streams in the order in which they came */
  tail(): readonly string[] {
    return this.#tail;
  }

  #remember(lines: readonly string[]): void {
    this.#tail.push(...lines);
    if (this.#tail.length > tailLines) this.#tail.splice(0, this.#tail.length - tailLines);
  }
}

/**
 * One line without anything that moves a cursor, sets a title or talks to the runner. Colours (SGR) stay. A carriage
 * return draws over the line, as a terminal would show it: only what was drawn last is kept.
 */
export function printable(text: string): string {
  const drawn = text.replace(/\r+$/, '');
  const visible = drawn.slice(drawn.lastIndexOf('\r') + 1);
  const clean = visible
    .replace(/\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?/g, '')
    .replace(/\x1b[PX^_][^\x1b]*(?:\x1b\\)?/g, '')
    .replace(/(?:\x1b\[|\x9b)([0-?]*)[ -/]*([@-~])/g, (_, parameters: string, final: string) =>
      final === 'm' && /^[0-9;:]*$/.test(parameters) ? `\x1b[${parameters}m` : '',
    )
    .replace(/\x1b(?!\[[0-9;:]*m)./g, '')
    .replace(/\x1b$/, '')
    .replace(/[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]/g, '');
  if (clean.length <= maxLineLength) return clean;
  return `${clean.slice(0, maxLineLength)} [${clean.length - maxLineLength} more characters]`;
}
