// Looks into JSON that somebody else made: what has not the expected form is missing, never an error.

/** JSON, or undefined. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A member of an object; undefined for anything else. */
export function fieldOf(json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
    ? new Map<string, unknown>(Object.entries(json)).get(name)
    : undefined;
}

/** A member that is a text; empty for anything else. */
export function textOf(json: unknown, name: string): string {
  const field = fieldOf(json, name);
  return typeof field === 'string' ? field : '';
}

/** The elements of an array; none for anything else. */
export function arrayOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : [];
}
