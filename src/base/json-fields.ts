// Looks into JSON that somebody else wrote: whatever does not have the expected form is missing, never an error.

/** JSON of a text or of its UTF-8 bytes; undefined when it is none. */
export function parseJson(json: string | Uint8Array): unknown {
  try {
    const parsed: unknown = JSON.parse(typeof json === 'string' ? json : Buffer.from(json).toString('utf8'));
    return parsed;
  } catch {
    return undefined;
  }
}

/** A member that an object or array has itself; undefined for anything else. */
export function fieldOf(json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null && Object.hasOwn(json, name) ? Reflect.get(json, name) : undefined;
}

/** A member that is a text; empty for anything else. */
export function textOf(json: unknown, name: string): string {
  return givenText(json, name) ?? '';
}

/** A member that is a text; undefined for anything else. */
export function givenText(json: unknown, name: string): string | undefined {
  const value = fieldOf(json, name);
  return typeof value === 'string' ? value : undefined;
}

/** A member that is a list of texts; undefined when it is none, or holds anything else. */
export function textsOf(json: unknown, name: string): readonly string[] | undefined {
  const value = fieldOf(json, name);
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((item): item is string => typeof item === 'string');
  return texts.length === value.length ? texts : undefined;
}

/** The elements of an array; none for anything else. */
export function arrayOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : [];
}
