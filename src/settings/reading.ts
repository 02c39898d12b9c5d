// What reading one setting's text can give: a value, or what is wrong and what is right, both worded to complete
// `settings.<name>: <wrong>; <right>`. Text of a secret setting is never shown, not even a part of it.

/** One thing that is wrong with a setting. */
export interface Problem {
  /** What was found. */
  readonly wrong: string;
  /** What belongs there, usually "must be ...". */
  readonly right: string;
}

/** The outcome of reading a text. Warnings never stop a run. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly string[] };

/** The environment of the step, for settings that name variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a reader may know beside the text. */
export interface ReadContext {
  /** The variable or flag that the text came from. */
  readonly from: string;
  /** True when no part of the text may be shown. */
  readonly secret: boolean;
  readonly environment: Environment;
  /** Called before anything else is done with a secret. */
  readonly redact: Redact;
}

/** Registers a secret for masking. `false`: it is too short for that; any other result says nothing. */
export type Redact = (secret: string) => unknown;

/** What is said then. */
export const tooShortToMask = 'is too short to be masked in the log';

/** How a setting is written, and the reader of that spelling. Readers are pure but for `redact`, and never throw. */
export interface Kind<T> {
  /** Short name for the reference page. */
  readonly name: string;
  /** A flag of this kind may be repeated; the texts are then joined by a line end. */
  readonly repeatable?: boolean;
  /** Text of nothing but blanks is a value, not "unset". */
  readonly keepsBlanks?: boolean;
  read(text: string, context: ReadContext): Reading<T>;
}

/** A good reading. */
export function good<T>(value: T, warnings: readonly string[] = []): Reading<T> {
  return { ok: true, value, warnings };
}

/** A bad reading with one problem. */
export function bad(wrong: string, right: string): Reading<never> {
  return { ok: false, problems: [{ wrong, right }], warnings: [] };
}

/** Puts readings of several items together: all values, or all problems. */
export function gather<T>(readings: readonly Reading<T>[], warnings: readonly string[] = []): Reading<readonly T[]> {
  const allWarnings = [...warnings, ...readings.flatMap((reading) => reading.warnings)];
  const problems = readings.flatMap((reading) => (reading.ok ? [] : reading.problems));
  if (problems.length > 0) return { ok: false, problems, warnings: allWarnings };
  return good(
    readings.flatMap((reading) => (reading.ok ? [reading.value] : [])),
    allWarnings,
  );
}

/** Continues with the value of a good reading. */
export function andThen<T, U>(reading: Reading<T>, next: (value: T) => Reading<U>): Reading<U> {
  if (!reading.ok) return reading;
  const following = next(reading.value);
  return { ...following, warnings: [...reading.warnings, ...following.warnings] };
}

/** The same reading, said to be about one item of a list (counted from 1). */
export function atItem<T>(reading: Reading<T>, position: number): Reading<T> {
  const warnings = reading.warnings.map((warning) => `item ${position}: ${warning}`);
  if (reading.ok) return { ...reading, warnings };
  const problems = reading.problems.map(({ wrong, right }) => ({ wrong: `item ${position}: ${wrong}`, right }));
  return { ok: false, problems, warnings };
}

/** Longer values are cut: a message is one line. */
const maxShownLength = 60;

/** A value as it may appear in a message: quoted, cut, control characters escaped, logins in URLs masked. */
export function show(text: string, context: ReadContext): string {
  return context.secret ? 'the value' : quote(text);
}

/** As show(), for text that is never secret (names of variables, paths). */
export function quote(text: string): string {
  const masked = maskLogin(text);
  return `"${escapeControls(masked.length > maxShownLength ? `${masked.slice(0, maxShownLength)}…` : masked)}"`;
}

/** `user:password@` in front of a host, with or without a scheme; masks rather too much than too little. */
function maskLogin(text: string): string {
  return text.replace(/:\/\/\S*@/g, '://***@').replace(/[^\s,;:@/]+:(?!\/\/)[^\s@]*@(?!sha\d+:)/g, '***@');
}

/** Control characters, and those that reorder a line on a terminal, in a spelling that shows them. */
export function escapeControls(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    if (character === '\t') return '\\t';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
