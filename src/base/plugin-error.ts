// The one error type that the plugin words for people. Every module throws it (or a subclass where somebody branches);
// main.ts turns it into the last block of the log and the exit code. Exit codes: 78 is never used, because Drone reads
// it as "pass and skip the remaining steps".

/** How a run ends; see docs/reliability.md. 70 is a bug in the plugin. */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 70 | 130 | 143;

export interface PluginErrorOptions {
  /** Stable kebab-case name of the failure; code may branch on it, never on the message. */
  readonly code: string;
  readonly exitCode: ExitCode;
  /** What we tried: what came back. One line, no secret, names the side (source, target, daemon). */
  readonly message: string;
  /** The setting to change or the action to take; left out rather than a platitude. */
  readonly hint?: string | undefined;
  /** Further lines worth showing (last output of a step, every bad setting), each without a line end. */
  readonly details?: readonly string[];
  readonly cause?: unknown;
}

/** A failure that a pipeline author is meant to read. */
export class PluginError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;
  readonly details: readonly string[];

  constructor(options: PluginErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.exitCode = options.exitCode;
    this.hint = options.hint;
    this.details = options.details ?? [];
  }
}
