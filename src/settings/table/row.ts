// What a row of the settings table says. Rows of settings that work carry a reader, from whose type the type of the
// settings is derived; rows of settings that are only known say what happens when they are used.
import type { RegistryVariant } from '../../base/registry-variant.ts';
import type { Kind } from '../reading.ts';

interface RowText {
  /** Names in the environment; the first non-empty one wins. */
  readonly env: readonly string[];
  /** One or two sentences for the reference page; Markdown. */
  readonly help: string;
}

interface WorkingText<T> extends RowText {
  readonly kind: Kind<T>;
  /** Never shown in a message, and registered for masking by its reader. */
  readonly secret?: boolean;
  /** Names that do not begin with PLUGIN_ count only when the step is for one of these. Absent: always. */
  readonly plainIn?: readonly RegistryVariant[];
  /** With `plainIn`: they do not count where a host alone says that the step is for one of these. */
  readonly plainOnlyWhenChosen?: boolean;
  /** Single names of `env` that count only when the step was made for this variant. */
  readonly onlyIn?: Readonly<Record<string, RegistryVariant>>;
  /** What the reference page shows as default, where the fallback does not say it. */
  readonly defaultText?: string;
}

/** A setting that does something in this version. `fallback` is its value when it is not given. */
export interface WorkingRow<T, F> extends WorkingText<T> {
  readonly status: 'works';
  readonly fallback: F;
}

/** What is done about a setting that is known, but does nothing in this version. */
export type KnownStatus =
  /** Belongs to a daemon that this plugin does not start: named in one grouped warning. */
  | 'accepted'
  /** Nothing here does it, and the result is right without: a warning with the help text. */
  | 'declined'
  /** Changes nothing here; silent. */
  | 'ignored'
  /** Leaving it out would build or publish something else: an error. */
  | 'refused';

/** A setting that is known, but does nothing in this version. Only its PLUGIN_ names are looked at. */
export interface KnownRow extends RowText {
  readonly status: KnownStatus;
  /** Registered for masking. */
  readonly secret: boolean;
  /** Values (lower case) that ask for nothing: neither warning nor error. */
  readonly inert: readonly string[];
}

export type Row = WorkingRow<unknown, unknown> | KnownRow;

/** The type of a setting, from its row. */
export type ValueOf<R> = R extends WorkingRow<infer T, infer F> ? T | F : never;

/** A setting that is undefined when it is not given. */
export function works<T>(row: WorkingText<T>): WorkingRow<T, undefined> {
  return { ...row, status: 'works', fallback: undefined };
}

/** A setting with a default. */
export function worksWithDefault<T>(fallback: NoInfer<T>, row: WorkingText<T>): WorkingRow<T, T> {
  return { ...row, status: 'works', fallback };
}

/** What asks for nothing in a setting that is switched on by "true". */
export const offWords: readonly string[] = ['false', 'f', 'no', 'n', 'off', '0'];

/** A setting that is known by name. */
export function known(
  status: KnownStatus,
  env: readonly string[],
  help: string,
  more: { readonly secret?: boolean; readonly inert?: readonly string[] } = {},
): KnownRow {
  return { status, env, help, secret: more.secret ?? false, inert: more.inert ?? [] };
}
