// The readers of settings that hold one thing: booleans, numbers, durations, sizes, words, paths, secrets. Each gives a
// value or says what it "must be". Lists are in list-kinds.ts, key=value settings in map-kinds.ts.
import { bad, good, show, tooShortToMask, type Kind, type ReadContext, type Reading } from './reading.ts';

const truths = new Set(['1', 't', 'true', 'y', 'yes', 'on']);
const falsehoods = new Set(['0', 'f', 'false', 'n', 'no', 'off']);

/** What a text says as a boolean; undefined when it says neither. */
export function parseBool(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (truths.has(word)) return true;
  return falsehoods.has(word) ? false : undefined;
}

/** true/false in the spellings of Go, YAML and people; any case. */
export const bool: Kind<boolean> = {
  name: 'boolean',
  read(text, context) {
    const value = parseBool(text);
    return value === undefined ? bad(`${show(text, context)} is not a boolean`, 'must be true or false') : good(value);
  },
};

/**
 * A boolean as docker's own client reads DOCKER_TLS_VERIFY: in the plain variable any text means true, `0` too. As a
 * setting it is an ordinary boolean.
 */
export const dockerBool: Kind<boolean> = {
  name: 'boolean',
  read: (text, context) => (/^(PLUGIN_|--)/.test(context.from) ? bool.read(text, context) : good(true)),
};

export interface IntRange {
  readonly min: number;
  readonly max: number;
  /** Values below `min` mean this instead of being wrong. */
  readonly below?: number;
}

/** A whole number, decimal or 0x/0o/0b. */
export function int({ min, max, below }: IntRange): Kind<number> {
  const rule = `must be an integer from ${below === undefined ? min : Math.min(0, min)} to ${max}`;
  return {
    name: `integer ${min}…${max}`,
    read(text, context) {
      const digits = text.trim();
      if (!/^[+-]?(?:\d+|0x[\da-f]+|0o[0-7]+|0b[01]+)$/i.test(digits)) {
        return bad(`${show(digits, context)} is not an integer`, rule);
      }
      const sign = digits.startsWith('-') ? -1 : 1;
      const value = sign * Number(digits.replace(/^[+-]/, ''));
      if (value < min && below !== undefined) return good(below);
      if (value < min || value > max) return bad(`${show(digits, context)} is out of range`, rule);
      return good(value);
    },
  };
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration as Go writes it (`90s`, `1h30m`); the value is in milliseconds. */
export function duration(range: {
  readonly maxMs: number;
  readonly shown: string;
  /** Whole seconds. */
  readonly minSeconds?: number;
}): Kind<number> {
  const { maxMs, shown, minSeconds = 0 } = range;
  const least = minSeconds === 0 ? '' : `at least ${minSeconds}s and `;
  const rule = `must be a duration with a unit, such as 90s, 5m or 1h30m, of ${least}at most ${shown}`;
  return {
    name: 'duration',
    read(text, context) {
      const words = text.trim();
      if (/^[\d.]+$/.test(words)) return bad(`${show(words, context)} needs a unit`, rule);
      if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(words)) {
        return bad(`${show(words, context)} is not a duration`, rule);
      }
      const parts = words.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g);
      let valueMs = 0;
      for (const [, count, unit] of parts) valueMs += Number(count) * (unitMs[unit ?? ''] ?? 0);
      if (valueMs < minSeconds * 1000) return bad(`${show(words, context)} is too short`, rule);
      return valueMs > maxMs ? bad(`${show(words, context)} is too long`, rule) : good(valueMs);
    },
  };
}

const unitBytes: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** A size in bytes, with k, m, g or t (1024-based) where wanted. */
export const size: Kind<number> = {
  name: 'size',
  read(text, context) {
    const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
    const bytes = match === null ? NaN : Math.floor(Number(match[1]) * (unitBytes[match[2]?.toLowerCase() ?? ''] ?? 1));
    return Number.isSafeInteger(bytes)
      ? good(bytes)
      : bad(`${show(text, context)} is not a size`, 'must be a number of bytes, or one with k, m or g, such as 64m');
  },
};

/** Any text on one line, without blanks round it. */
export const text: Kind<string> = {
  name: 'text',
  read: (value) => good(value.trim()),
};

/** One word of a list, in any case. */
export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    name: words.join(', '),
    read(value, context) {
      const word = words.find((candidate) => candidate === value.trim().toLowerCase());
      if (word !== undefined) return good(word);
      return bad(`${show(value.trim(), context)} is not known here`, `must be ${orList(words)}`);
    },
  };
}

/** "a, b or c". */
export function orList(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}

/** A boolean, or the word `auto`. */
export const autoBool: Kind<'auto' | boolean> = {
  name: 'auto, true, false',
  read(value, context) {
    if (value.trim().toLowerCase() === 'auto') return good('auto');
    const answer = parseBool(value);
    return answer === undefined
      ? bad(`${show(value, context)} is not known here`, 'must be auto, true or false')
      : good(answer);
  },
};

/** A file or folder; what it leads to is judged when it is opened. */
export const path: Kind<string> = {
  name: 'path',
  read: (value) => good(value.trim()),
};

/** A secret on one line: only a line end that a file or an echo left behind is removed. */
export const secret: Kind<string> = {
  name: 'secret',
  keepsBlanks: true,
  read(value, context) {
    const trimmed = value.replace(/\r?\n$/, '');
    if (trimmed.length === 0) return bad('it holds nothing but a line end', 'must be the secret itself');
    const isMasked = context.redact(trimmed) !== false;
    return good(trimmed, [
      ...(trimmed === value ? [] : ['ended with a newline, which was removed']),
      ...(isMasked ? [] : [tooShortToMask]),
    ]);
  },
};

/** A secret of several lines (a key, a file's text): line ends are part of it. */
export const secretText: Kind<string> = {
  name: 'secret',
  read(value, context) {
    context.redact(value);
    return good(value);
  },
};

/** A number of seconds since 1970, or the time of the commit, for reproducible builds. */
export const epochSeconds: Kind<number | 'commit'> = {
  name: 'integer or commit',
  read(value: string, context: ReadContext): Reading<number | 'commit'> {
    return value.trim().toLowerCase() === 'commit'
      ? good('commit')
      : int({ min: 0, max: maxEpochSeconds }).read(value, context);
  },
};

/** The last second of the year 9999: the image format writes years with four digits. */
const maxEpochSeconds = 253_402_300_799;
