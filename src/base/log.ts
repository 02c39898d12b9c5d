// Where the acting modules report outcomes. They never print: run.ts hands them a Log that writes through the redaction
// gate of main.ts. Lines are past tense, written after the thing happened, without a line end.

/** A sink for one-line messages. */
export interface Log {
  /** An outcome worth a line in every log. */
  info(message: string): void;
  /** Something a pipeline author should act on; the run goes on. */
  warn(message: string): void;
  /** Detail for `debug: true` only. */
  debug(message: string): void;
}
