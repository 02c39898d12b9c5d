// The rules of Docker's pattern lists written down in the plainest way, with a regular expression per pattern and no
// index, no groups, no pruning: what the fast matcher is compared with.

interface ReferencePattern {
  readonly isException: boolean;
  readonly matches: (path: string) => boolean;
}

/** A pattern list as the rules have it: results per pattern, handed from a folder to its children. */
export class ReferenceMatcher {
  readonly #patterns: readonly ReferencePattern[];

  /** Patterns must be clean. */
  constructor(lines: readonly string[]) {
    this.#patterns = lines.map((line) => {
      const isException = line.startsWith('!');
      return { isException, matches: compile(isException ? line.slice(1) : line) };
    });
  }

  /** Matches a path by going down to it from the root. */
  matches(path: string): boolean {
    const names = path.split('/');
    let info: readonly boolean[] = [];
    let matched = false;
    for (let depth = 1; depth <= names.length; depth++) {
      ({ matched, info } = this.#step(names.slice(0, depth).join('/'), info));
    }
    return matched;
  }

  #step(path: string, parent: readonly boolean[]): { matched: boolean; info: readonly boolean[] } {
    let matched = false;
    const info = this.#patterns.map((pattern, at) => {
      let match = parent[at] ?? false;
      if (!match) {
        if (pattern.isException !== matched) return false;
        match = pattern.matches(path);
      }
      if (match) matched = !pattern.isException;
      return match;
    });
    return { matched, info };
  }
}

function compile(text: string): (path: string) => boolean {
  const chars = Array.from(text);
  let source = '^';
  let kind: 'exact' | 'prefix' | 'suffix' | 'regex' = 'exact';
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? '';
    if (char === '*' && chars[at + 1] === '*') {
      const isFirst = at === 0;
      at++;
      if (chars[at + 1] === '/') at++;
      if (at + 1 < chars.length) {
        source += '(?:.*\\/)?';
        kind = 'regex';
      } else if (kind === 'exact') kind = 'prefix';
      else {
        source += '.*';
        kind = 'regex';
      }
      if (isFirst) kind = 'suffix';
    } else if (char === '*' || char === '?') {
      source += char === '*' ? '[^/]*' : '[^/]';
      kind = 'regex';
    } else if (char === '[') {
      const end = chars.indexOf(']', at + 2);
      source += chars.slice(at, end + 1).join('');
      at = end;
      kind = 'regex';
    } else if (char === '\\') {
      at++;
      source += (chars[at] ?? '').replace(/[\\^$.*+?()[\]{}|/]/, String.raw`\$&`);
      kind = 'regex';
    } else if (char === '^') source += '^';
    else source += char.replace(/[$.+()[\]{}|/]/, String.raw`\$&`);
  }
  if (kind === 'exact') return (path) => path === text;
  if (kind === 'prefix') return (path) => path.startsWith(text.slice(0, -2));
  const suffix = text.slice(2);
  if (kind === 'suffix') return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
  const regex = new RegExp(`${source}$`, 'u');
  return (path) => regex.test(path);
}
