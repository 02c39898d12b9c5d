// Reads fields of JSON that somebody else wrote: whatever is not as expected is missing.

/** A field of a JSON object that is its own, not inherited. */
export function fieldOf(json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null && Object.hasOwn(json, name) ? Reflect.get(json, name) : undefined;
}

/** The same for a text. */
export function textOf(json: unknown, name: string): string | undefined {
  const value = fieldOf(json, name);
  return typeof value === 'string' ? value : undefined;
}

/** A list of texts; undefined when it is none, or holds anything else. */
export function textsOf(json: unknown, name: string): readonly string[] | undefined {
  const value = fieldOf(json, name);
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((item): item is string => typeof item === 'string');
  return texts.length === value.length ? texts : undefined;
}

/** undefined when the bytes are not JSON. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return parsed;
  } catch {
    return undefined;
  }
}
