// The readers of key=value settings (build arguments, labels). Values may hold commas, which Drone's list joining does not
// escape; so a JSON object or one pair per line are the spellings without a trap, and a split at commas is the last resort.
import { looksLikeJson, readJson, scalarText, scalarTexts, splitAtCommas, splitAtSemicolons } from './list-kinds.ts';
import { andThen, atItem, bad, gather, good, type Kind, type ReadContext, type Reading } from './reading.ts';
import type { Json } from './json-text.ts';

/** What stands on the left, and what an item without `=` means. */
export interface PairRules {
  /** Plural, for the reference page: "build arguments". */
  readonly name: string;
  /** What a key must match. */
  readonly key: RegExp;
  readonly keyRule: string;
  /** An item without `=`: a variable of the step's environment, or an error. */
  readonly bare: 'environment' | 'refused';
}

interface Pair {
  readonly key: string;
  readonly value: string;
}

/** A JSON object, a JSON array of pairs, one pair per line, or pairs split at commas. Values are never shown. */
export function pairs(rules: PairRules): Kind<ReadonlyMap<string, string>> {
  return {
    name: `map of ${rules.name}`,
    repeatable: true,
    read: (text, context) => readPairs(text, splitPairs(text, rules, context), rules, context),
  };
}

/** As pairs(), but text is split at line ends and semicolons only. */
export function semicolonPairs(rules: PairRules): Kind<ReadonlyMap<string, string>> {
  return {
    name: `map of ${rules.name}, separated by ";"`,
    repeatable: true,
    read: (text, context) => readPairs(text, splitAtSemicolons(text), rules, context),
  };
}

function readPairs(
  text: string,
  split: readonly string[],
  rules: PairRules,
  context: ReadContext,
): Reading<ReadonlyMap<string, string>> {
  const read = looksLikeJson(text)
    ? andThen(readJson(text), (json) => jsonPairs(json, rules, context))
    : textPairs(split, rules, context);
  return andThen(read, (found) => collect(found));
}

/** Later pairs win, as they do on docker's command line. */
function collect(found: readonly Pair[]): Reading<ReadonlyMap<string, string>> {
  const map = new Map<string, string>();
  const twice = new Set<string>();
  for (const { key, value } of found) {
    if (map.has(key)) twice.add(key);
    map.set(key, value);
  }
  const warnings = [...twice].map((key) => `"${key}" is given twice; the last one counts`);
  return good(map, warnings);
}

/** Lines are items only when each of them can be one; then commas are data. */
function splitPairs(text: string, rules: PairRules, context: ReadContext): readonly string[] {
  const lines = text.split(/\r?\n/);
  const filled = lines.map((line) => line.trim()).filter((line) => line !== '');
  const begins = (line: string) => {
    const equals = line.indexOf('=');
    if (equals > 0) return rules.key.test(line.slice(0, equals).trim());
    return rules.bare === 'environment' && context.environment[line] !== undefined;
  };
  return lines.length > 1 && filled.every(begins) ? lines : splitAtCommas(text);
}

function textPairs(items: readonly string[], rules: PairRules, context: ReadContext): Reading<readonly Pair[]> {
  const read = items
    .map((item, index) => ({ item: item.trim(), position: index + 1 }))
    .filter(({ item }) => item !== '')
    .map(({ item, position }) => atItem(readPair(item, rules, context), position));
  return flatten(gather(read));
}

function flatten(reading: Reading<readonly (Pair | undefined)[]>): Reading<readonly Pair[]> {
  return andThen(reading, (found) => good(found.filter((pair) => pair !== undefined)));
}

function readPair(item: string, rules: PairRules, context: ReadContext): Reading<Pair | undefined> {
  const equals = item.indexOf('=');
  if (equals < 0) return readBare(item, rules, context);
  return checkPair(item.slice(0, equals).trim(), item.slice(equals + 1), rules);
}

function checkPair(key: string, value: string, rules: PairRules): Reading<Pair> {
  if (key === '') return bad('the name in front of "=" is empty', 'must be written name=value');
  if (!rules.key.test(key)) return bad('its name is not allowed', rules.keyRule);
  if (value.includes('\0')) return bad('its value holds a NUL byte', 'must be text');
  return good({ key, value });
}

function readBare(item: string, rules: PairRules, context: ReadContext): Reading<Pair | undefined> {
  if (rules.bare === 'refused') return bad('it has no "="', 'must be written key=value');
  const value = context.environment[item];
  if (value !== undefined && rules.key.test(item)) return good({ key: item, value });
  const advice = rules.key.test(item)
    ? `variable ${item} is not set in the step's environment; left out`
    : 'it is neither NAME=value nor the name of a variable; left out. With commas in a value use a map, one pair per line, "\\," or build_args_new';
  return good(undefined, [advice]);
}

function jsonPairs(json: Json, rules: PairRules, context: ReadContext): Reading<readonly Pair[]> {
  switch (json.kind) {
    case 'object':
      return gather(
        [...json.members].map(([key, value], index) =>
          atItem(
            andThen(scalarText(value), (text) => checkPair(key.trim(), text, rules)),
            index + 1,
          ),
        ),
      );
    case 'array':
      return andThen(scalarTexts(json.items), (items) => textPairs(items, rules, context));
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
      return bad(`it is a JSON ${json.kind}`, 'must be a map');
  }
}
