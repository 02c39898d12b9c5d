// The strict JSON reader: agrees with JSON.parse on what is JSON, and refuses more.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson, type Json } from '../../../src/settings/json-text.ts';

function plain(json: Json): unknown {
  switch (json.kind) {
    case 'string':
      return json.text;
    case 'number':
      return Number(json.text);
    case 'boolean':
      return json.text === 'true';
    case 'null':
      return null;
    case 'array':
      return json.items.map(plain);
    case 'object':
      return Object.fromEntries([...json.members].map(([key, value]) => [key, plain(value)]));
  }
  throw new Error('unreachable');
}

function parseOrUndefined(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

describe('JSON', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const reading = parseJson(text);
        expect(reading.ok && plain(reading.value)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('is refused where JSON.parse refuses it, and where it is too deep or ambiguous', () => {
    const parts = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"a"',
      '"b"',
      '1',
      '-0',
      '01',
      '.5',
      'true',
      'nul',
      ' ',
      '"',
      '\\',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const expected = parseOrUndefined(text);
        const reading = parseJson(text);
        const isStricter = !reading.ok && reading.wrong.includes('occurs twice');
        expect(reading.ok ? { value: plain(reading.value) } : undefined).toEqual(isStricter ? undefined : expected);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', 'is not JSON: a key that occurs twice at byte 7'],
    ['{"ü":1,}', 'is not JSON: no key in double quotes at byte 8'],
    ['[1 2]', 'is not JSON: no "," or "]" at byte 3'],
    ['{"a" 1}', 'is not JSON: no ":" at byte 5'],
    ['', 'is not JSON: the text ends too early at byte 0'],
    ['1 2', 'is not JSON: text after the end of the JSON value at byte 2'],
    ['"\n"', 'is not JSON: a string that does not end, or holds a control character or a bad escape at byte 0'],
    [String.raw`"\ud800"`, 'is not JSON: half of a surrogate pair at byte 0'],
    ['['.repeat(40) + ']'.repeat(40), 'is not JSON: more than 32 levels at byte 32'],
  ])('%j: %s', (text, wrong) => expect(parseJson(text)).toEqual({ ok: false, wrong }));

  it('keeps what was written of a number', () => {
    expect(parseJson('1.10')).toEqual({ ok: true, value: { kind: 'number', text: '1.10' } });
  });

  it('allows 32 levels', () => {
    const text = '['.repeat(32) + ']'.repeat(32);
    expect(parseJson(text).ok).toBe(true);
    expect(depthOf(JSON.parse(text))).toBe(32);
  });

  it('reads a megabyte in one string without trouble', () => {
    expect(parseJson(JSON.stringify('\\"x'.repeat(300_000))).ok).toBe(true);
    expect(parseJson(`"${'\\"x'.repeat(300_000)}`).ok).toBe(false);
  });
});
