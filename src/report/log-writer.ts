// The one way from the plugin's modules to its output: every line is redacted here, also those of build output.
import type { Log } from '../base/log.ts';
import type { Redactor } from '../base/redact.ts';
import { printable } from './step-output.ts';

/** What printable() leaves of control sequences. */
const colours = /\x1b\[[0-9;:]*m/g;

export interface LogLevel {
  /** Only warnings, results and failures. */
  readonly quiet: boolean;
  readonly debug: boolean;
}

/** Writes whole lines. */
export class LogWriter implements Log {
  readonly #write: (text: string) => void;
  readonly #redactor: Redactor;
  #level: LogLevel = { quiet: false, debug: false };

  /** @param write takes text with its line end */
  constructor(write: (text: string) => void, redactor: Redactor) {
    this.#write = write;
    this.#redactor = redactor;
  }

  setLevel(level: LogLevel): void {
    this.#level = level;
  }

  info(message: string): void {
    if (!this.#level.quiet) this.result(message);
  }

  warn(message: string): void {
    this.result(`warning: ${message}`);
  }

  debug(message: string): void {
    if (this.#level.debug) this.result(`debug: ${message}`);
  }

  /** A line that is shown whatever the level. A message with line ends becomes several lines. */
  result(message: string): void {
    const lines = message.split('\n').map((line) => printable(line));
    this.#write(`${this.#masked(lines.join('\n'))}\n`);
  }

  /** A line of JSON: its length and its characters are the reader's affair, but for those that a terminal obeys. */
  json(line: string): void {
    if (this.#level.quiet) return;
    const plain = line.replace(
      /[\u007f-\u009f]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    this.#write(`${this.#redactor.redact(plain)}\n`);
  }

  /** Text that is read by a program: whatever the level, as it is, but for its secrets. */
  verbatim(text: string): void {
    this.#write(this.#redactor.redact(text));
  }

  /**
   * Masks last of all: what is removed or cut from a line must not put a secret together, or leave half of one. Nor must
   * colours hide it: a text with a secret in it loses them.
   */
  #masked(text: string): string {
    const plain = text.replace(colours, '');
    const masked = this.#redactor.redact(plain);
    return masked === plain ? this.#redactor.redact(text) : masked;
  }
}
