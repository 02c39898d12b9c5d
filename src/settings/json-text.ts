// A strict JSON reader (RFC 8259) for settings: it knows the byte position of an error, keeps the text of numbers,
// refuses duplicate keys and deep nesting, and gives maps instead of objects, so that `__proto__` is a key like any other.

/** A JSON value with scalars as text: settings care about what was written, not about floats. */
export type Json =
  | { readonly kind: 'string' | 'number' | 'boolean'; readonly text: string }
  | { readonly kind: 'null' }
  | { readonly kind: 'array'; readonly items: readonly Json[] }
  | { readonly kind: 'object'; readonly members: ReadonlyMap<string, Json> };

/** Deeper nesting than this is no setting that anybody writes. */
export const maxJsonDepth = 32;

export type JsonReading =
  | { readonly ok: true; readonly value: Json }
  /** `wrong` never shows any of the text. */
  | { readonly ok: false; readonly wrong: string };

/** Reads a whole text as JSON; never throws. */
export function parseJson(text: string): JsonReading {
  try {
    const cursor = { text, at: 0 };
    const value = readValue(cursor, 0);
    skipBlanks(cursor);
    if (cursor.at < text.length) fail(cursor, 'text after the end of the JSON value');
    return { ok: true, value };
  } catch (error) {
    if (error instanceof JsonFault) return { ok: false, wrong: error.message };
    throw error;
  }
}

interface Cursor {
  readonly text: string;
  at: number;
}

/** Thrown inside this file only. */
class JsonFault extends Error {}

function fail(cursor: Cursor, what: string): never {
  const byte = Buffer.byteLength(cursor.text.slice(0, cursor.at), 'utf8');
  throw new JsonFault(`is not JSON: ${what} at byte ${byte}`);
}

function skipBlanks(cursor: Cursor): void {
  while (/^[ \t\r\n]$/.test(cursor.text.charAt(cursor.at))) cursor.at += 1;
}

function readValue(cursor: Cursor, depth: number): Json {
  skipBlanks(cursor);
  const first = cursor.text.charAt(cursor.at);
  if (depth >= maxJsonDepth && (first === '{' || first === '[')) fail(cursor, `more than ${maxJsonDepth} levels`);
  if (first === '{') return readObject(cursor, depth);
  if (first === '[') return readArray(cursor, depth);
  if (first === '"') return { kind: 'string', text: readString(cursor) };
  return readWord(cursor);
}

function readWord(cursor: Cursor): Json {
  const pattern = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/y;
  pattern.lastIndex = cursor.at;
  const word = pattern.exec(cursor.text)?.[0];
  if (word === undefined) fail(cursor, cursor.at < cursor.text.length ? 'no value' : 'the text ends too early');
  cursor.at += word.length;
  if (word === 'null') return { kind: 'null' };
  return { kind: word === 'true' || word === 'false' ? 'boolean' : 'number', text: word };
}

function readString(cursor: Cursor): string {
  const pattern = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
  pattern.lastIndex = cursor.at;
  const literal = pattern.exec(cursor.text)?.[0];
  if (literal === undefined) fail(cursor, 'a string that does not end, or holds a control character or a bad escape');
  const value: unknown = JSON.parse(literal);
  if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) fail(cursor, 'half of a surrogate pair');
  cursor.at += literal.length;
  return value;
}

function readArray(cursor: Cursor, depth: number): Json {
  const items: Json[] = [];
  cursor.at += 1;
  skipBlanks(cursor);
  if (take(cursor, ']')) return { kind: 'array', items };
  for (;;) {
    items.push(readValue(cursor, depth + 1));
    skipBlanks(cursor);
    if (take(cursor, ']')) return { kind: 'array', items };
    if (!take(cursor, ',')) fail(cursor, 'no "," or "]"');
  }
}

function readObject(cursor: Cursor, depth: number): Json {
  const members = new Map<string, Json>();
  cursor.at += 1;
  skipBlanks(cursor);
  if (take(cursor, '}')) return { kind: 'object', members };
  for (;;) {
    skipBlanks(cursor);
    if (cursor.text.charAt(cursor.at) !== '"') fail(cursor, 'no key in double quotes');
    const keyAt = cursor.at;
    const key = readString(cursor);
    if (members.has(key)) fail({ ...cursor, at: keyAt }, 'a key that occurs twice');
    skipBlanks(cursor);
    if (!take(cursor, ':')) fail(cursor, 'no ":"');
    members.set(key, readValue(cursor, depth + 1));
    skipBlanks(cursor);
    if (take(cursor, '}')) return { kind: 'object', members };
    if (!take(cursor, ',')) fail(cursor, 'no "," or "}"');
  }
}

function take(cursor: Cursor, character: string): boolean {
  if (cursor.text.charAt(cursor.at) !== character) return false;
  cursor.at += 1;
  return true;
}

/** True when `from_secret` stands inside: Drone resolves it only as the whole value of a setting. */
export function holdsFromSecret(value: Json): boolean {
  switch (value.kind) {
    case 'object':
      return value.members.has('from_secret') || [...value.members.values()].some(holdsFromSecret);
    case 'array':
      return value.items.some(holdsFromSecret);
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
      return false;
  }
}
