// The readers of list settings. Drone joins a YAML list with commas and no escaping, so a list is a JSON array, or text
// split at line ends and commas (`\,` is a literal comma), or for some settings at line ends and semicolons.
import { holdsFromSecret, parseJson, type Json } from './json-text.ts';
import { atItem, bad, gather, good, type Kind, type ReadContext, type Reading } from './reading.ts';

/** What one item of a list may be. */
export interface Item<T> {
  /** Plural, for the reference page: "tags". */
  readonly name: string;
  read(text: string, context: ReadContext): Reading<T>;
}

export interface ListRules {
  readonly maxItems?: number;
  /** Say that an item was given twice; silent otherwise. */
  readonly warnOfDuplicates?: boolean;
}

/** More than this is no list that anybody writes; a limit keeps a bad value from filling the log. */
const defaultMaxItems = 1000;

/** A list split at line ends and commas. */
export function commaList<T>(item: Item<T>, rules: ListRules = {}): Kind<readonly T[]> {
  return {
    name: `list of ${item.name}`,
    repeatable: true,
    read: (text, context) => readList(text, splitAtCommas, item, rules, context),
  };
}

/** A list split at line ends and semicolons: commas are data. */
export function semicolonList<T>(item: Item<T>, rules: ListRules = {}): Kind<readonly T[]> {
  return {
    name: `list of ${item.name}, separated by ";"`,
    repeatable: true,
    read: (text, context) => readList(text, splitAtSemicolons, item, rules, context),
  };
}

function readList<T>(
  text: string,
  split: (text: string) => readonly string[],
  item: Item<T>,
  rules: ListRules,
  context: ReadContext,
): Reading<readonly T[]> {
  const texts = looksLikeJson(text) ? arrayTexts(text) : good(split(text));
  if (!texts.ok) return texts;
  return readItems(texts.value, item, rules, context);
}

/** Reads items that were split already: trims, drops empty ones and duplicates. */
export function readItems<T>(
  texts: readonly string[],
  item: Item<T>,
  rules: ListRules,
  context: ReadContext,
): Reading<readonly T[]> {
  const positioned = texts.map((text, index) => ({ text: text.trim(), position: index + 1 }));
  const filled = positioned.filter(({ text }) => text !== '');
  const seen = new Set<string>();
  const distinct = filled.filter(({ text }) => !seen.has(text) && seen.add(text));
  const warnings: string[] = [];
  const empties = positioned.filter(({ text }) => text === '').map(({ position }) => position);
  if (empties.length > 0) warnings.push(`item ${empties.slice(0, 5).join(', ')}: empty, dropped`);
  if (rules.warnOfDuplicates === true && distinct.length < filled.length) {
    warnings.push('an item is given twice; it counts once');
  }
  const maxItems = rules.maxItems ?? defaultMaxItems;
  if (distinct.length > maxItems) {
    return bad(`it has ${distinct.length} items`, `must have at most ${maxItems}`);
  }
  if (distinct.length === 0) return bad('it names nothing', 'must have at least one item, or be left out');
  return gather(
    distinct.map(({ text, position }) => {
      const reading = item.read(text, context);
      return texts.length === 1 ? reading : atItem(reading, position);
    }),
    warnings,
  );
}

/** `[::1]:5000/app` is an address, not the beginning of a JSON array. */
const ipv6Literal = /^\[[0-9a-f.]*:[0-9a-f:.]*(?:%[^\]]*)?\]/i;

/** True when text of a list can only be meant as JSON. */
export function looksLikeJson(text: string): boolean {
  const start = text.trimStart();
  return (start.startsWith('[') && !ipv6Literal.test(start)) || start.startsWith('{');
}

/** What is said about `from_secret` inside of JSON. */
export const fromSecretInside: Reading<never> = bad(
  'it holds {"from_secret": …}, which Drone resolves only as the whole value of a setting',
  'must hold the value itself, or be given by secrets_from_env or build_args_from_env',
);

/** Reads JSON for a setting: syntax, limits and the from_secret rule. */
export function readJson(text: string): Reading<Json> {
  const parsed = parseJson(text);
  if (!parsed.ok) return bad(parsed.wrong, 'must be JSON, or a list as text');
  return holdsFromSecret(parsed.value) ? fromSecretInside : good(parsed.value);
}

function arrayTexts(text: string): Reading<readonly string[]> {
  const parsed = readJson(text);
  if (!parsed.ok) return parsed;
  if (parsed.value.kind !== 'array') return bad('it is a JSON object', 'must be a list');
  return scalarTexts(parsed.value.items);
}

/** The items of a JSON array as text; nested values and null are refused. */
export function scalarTexts(items: readonly Json[]): Reading<readonly string[]> {
  return gather(items.map((item, index) => atItem(scalarText(item), index + 1)));
}

/** A JSON scalar as text. */
export function scalarText(value: Json): Reading<string> {
  switch (value.kind) {
    case 'string':
    case 'number':
    case 'boolean':
      return good(value.text);
    case 'null':
      return bad('it is null', 'must be text');
    case 'array':
    case 'object':
      return bad(`it is a JSON ${value.kind}`, 'must be text');
  }
}

/** Splits at line ends and at commas that no backslash stands before; `\,` becomes a comma. */
export function splitAtCommas(text: string): readonly string[] {
  return text
    .replace(/(?:\r?\n)+$/, '')
    .split(/\r?\n|(?<!\\),/)
    .map((item) => item.replaceAll('\\,', ','));
}

/** Splits at line ends and semicolons. */
export function splitAtSemicolons(text: string): readonly string[] {
  return text.replace(/(?:\r?\n)+$/, '').split(/\r?\n|;/);
}
