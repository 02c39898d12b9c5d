// What a run takes from its process. main.ts makes it from the real one, tests from values.

/** The process as values. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Arguments behind the program's name. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Compressed layers pass through a folder made in here. */
  readonly temporaryDirectory: string;
  readonly version: string;
  /** Takes text with its line ends. */
  readonly write: (text: string) => void;
  readonly now: () => Date;
  readonly monotonicMs: () => number;
  readonly randomHex: (bytes: number) => string;
  /** Aborted by SIGTERM and SIGINT; the reason is the PluginError to end with. */
  readonly signal: AbortSignal;
}
