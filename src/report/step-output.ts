// The bytes that one build step prints, as lines that are safe to show. BuildKit sends pieces, not lines, and may cut a
// UTF-8 character between two; what a RUN prints is data from strangers, so terminal control beyond colours is removed.
import { StringDecoder } from 'node:string_decoder';

/** A longer line is cut: nobody reads it, and a log server may refuse it. */
const maxLineLength = 16_384;
/** Output of a step gets a number and a time in front, and is then not cut again. */
const maxOutputLength = 16_000;
/** Lines kept for the failure message. */
const tailLines = 50;

/** The line that is being printed. */
interface Stream {
  readonly decoder: StringDecoder;
  partial: string;
  /** Characters behind `partial` that were not kept: a line must not grow for ever. */
  dropped: number;
}

/** Splits output into lines, one instance a step. */
export class StepOutput {
  readonly #streams = new Map<number, Stream>();
  readonly #tail: string[] = [];

  /** @returns the lines that `data` completed */
  push(data: Uint8Array, streamNumber: number): readonly string[] {
    let stream = this.#streams.get(streamNumber);
    if (stream === undefined) {
      stream = { decoder: new StringDecoder('utf8'), partial: '', dropped: 0 };
      this.#streams.set(streamNumber, stream);
    }
    const lines: string[] = [];
    for (const [index, part] of stream.decoder.write(Buffer.from(data)).split('\n').entries()) {
      if (index > 0) lines.push(finish(stream));
      lines.push(...append(stream, part));
    }
    this.#remember(lines);
    return lines;
  }

  /** @returns what was printed without a final line end */
  rest(): readonly string[] {
    const lines = [...this.#streams.values()].flatMap((stream) => {
      append(stream, stream.decoder.end());
      return stream.partial === '' ? [] : [finish(stream)];
    });
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

/** @returns the line as a progress bar drew it so far, when it has drawn over it very often */
function append(stream: Stream, text: string): readonly string[] {
  stream.partial += text;
  if (stream.partial.length <= maxOutputLength) return [];
  const drawn = stream.partial.lastIndexOf('\r', stream.partial.length - 2);
  const overdrawn = drawn < 0 ? [] : [printable(stream.partial.slice(0, drawn), maxOutputLength)];
  if (drawn >= 0) stream.dropped = 0;
  const line = stream.partial.slice(drawn + 1);
  stream.partial = line.slice(0, maxOutputLength);
  stream.dropped += line.length - stream.partial.length;
  return overdrawn;
}

function finish(stream: Stream): string {
  const line = printable(stream.partial, maxOutputLength);
  const cut = stream.dropped === 0 ? '' : ` [${stream.dropped} more characters]`;
  stream.partial = '';
  stream.dropped = 0;
  return `${line}${cut}`;
}

/**
 * One line without anything that moves a cursor, sets a title or talks to the runner. Colours (SGR) stay. A carriage
 * return draws over the line, as a terminal would show it: only what was drawn last is kept.
 */
export function printable(text: string, maxLength = maxLineLength): string {
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
  if (clean.length <= maxLength) return clean;
  return `${clean.slice(0, maxLength)} [${clean.length - maxLength} more characters]`;
}
