// The reader of specifications as buildx writes them: a list of comma-separated `key=value` fields (`type=registry,ref=x`).
// Since Drone joins lists with commas too, a text of several specifications is taken apart by what can only be a new one.
import type { Json } from './json-text.ts';
import { looksLikeJson, readJson, scalarText } from './list-kinds.ts';
import { andThen, atItem, bad, gather, good, type Reading } from './reading.ts';

/** One specification. */
export interface Spec {
  readonly fields: ReadonlyMap<string, string>;
  /** The text of an item that has no `=` at all, e.g. an image reference. */
  readonly bare?: string;
}

/** Reads a list of specifications; problems name the item, never its text. */
export function readSpecs(text: string): Reading<readonly Spec[]> {
  if (looksLikeJson(text)) return andThen(readJson(text), jsonSpecs);
  const items = splitSpecs(text).map((fields) => fields.filter((field) => field !== ''));
  return gather(items.filter((fields) => fields.length > 0).map((fields, index) => atItem(toSpec(fields), index + 1)));
}

function jsonSpecs(json: Json): Reading<readonly Spec[]> {
  if (json.kind === 'object') return andThen(objectSpec(json), (spec) => good([spec]));
  if (json.kind !== 'array') return bad(`it is a JSON ${json.kind}`, 'must be a list');
  return gather(
    json.items.map((item, index) =>
      atItem(
        item.kind === 'object' ? objectSpec(item) : andThen(scalarText(item), (text) => toSpec(splitFields(text))),
        index + 1,
      ),
    ),
  );
}

function objectSpec(json: Extract<Json, { kind: 'object' }>): Reading<Spec> {
  const members = [...json.members].map(([key, value]) =>
    andThen(scalarText(value), (text): Reading<readonly [string, string]> => good([key.trim(), text])),
  );
  return andThen(gather(members), (entries) => good({ fields: new Map(entries) }));
}

/** The fields of each specification in a text. */
function splitSpecs(text: string): readonly (readonly string[])[] {
  const trimmed = text.trim();
  if (/\r?\n/.test(trimmed)) return trimmed.split(/\r?\n/).map(splitFields);
  if (trimmed.includes(';')) return trimmed.split(';').map(splitFields);
  if (trimmed.includes('\\,')) {
    return trimmed.split(/(?<!\\),/).map((item) => splitFields(item.replaceAll('\\,', ',')));
  }
  return rejoin(splitFields(trimmed));
}

/** A new item begins at a fragment without `=`, after one, and where a key comes again. */
function rejoin(fragments: readonly string[]): readonly (readonly string[])[] {
  const items: string[][] = [];
  for (const fragment of fragments) {
    const current = items.at(-1);
    const key = keyOf(fragment);
    const begins =
      current === undefined ||
      key === undefined ||
      current.some((field) => keyOf(field) === undefined || keyOf(field) === key);
    if (begins) items.push([fragment]);
    else current.push(fragment);
  }
  return items;
}

function keyOf(field: string): string | undefined {
  const equals = field.indexOf('=');
  return equals < 0 ? undefined : field.slice(0, equals).trim().toLowerCase();
}

/** CSV fields: a field in double quotes may hold commas, `""` is a quote. */
function splitFields(line: string): readonly string[] {
  const fields = line.match(/(?<=^|,)(?:\s*"(?:[^"]|"")*"\s*|[^,]*)(?=,|$)/g) ?? [];
  return fields.map((field) => {
    const quoted = /^"([\s\S]*)"$/.exec(field.trim());
    return quoted === null ? field.trim() : (quoted[1] ?? '').replaceAll('""', '"');
  });
}

function toSpec(fields: readonly string[]): Reading<Spec> {
  const first = fields[0] ?? '';
  if (fields.length === 1 && keyOf(first) === undefined) return good({ fields: new Map(), bare: first });
  const map = new Map<string, string>();
  for (const field of fields) {
    const key = keyOf(field);
    if (key === undefined || key === '')
      return bad('it has a field without key=', 'must be written key=value,key=value');
    if (map.has(key)) return bad('it has a key twice', 'must have each key once');
    map.set(key, field.slice(field.indexOf('=') + 1).trim());
  }
  return good({ fields: map });
}
