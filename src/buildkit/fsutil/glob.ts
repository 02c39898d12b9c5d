// Glob syntax and matching without a regular expression: patterns come from a Dockerfile's author, and a backtracking
// engine can be kept busy for ever by a handful of stars. Here all ways to match are followed at once, so the time is
// bounded by text length x pattern length. Syntax: Go's path/filepath.Match; `**` is given a meaning by patterns.ts.

/** One piece of a pattern as written. */
export type GlobPiece =
  | { readonly kind: 'literal'; readonly char: string; readonly isEscaped: boolean }
  | { readonly kind: 'star' }
  | { readonly kind: 'question' }
  | CharacterClass;

interface CharacterClass {
  readonly kind: 'class';
  readonly isNegated: boolean;
  /** Inclusive ranges of code points. */
  readonly ranges: ReadonlyArray<readonly [first: number, last: number]>;
}

/** One step of a compiled glob. */
export type GlobStep =
  | { readonly kind: 'char'; readonly code: number }
  /** Any one character but `/`. */
  | { readonly kind: 'any' }
  /** Any number of characters but `/`. */
  | { readonly kind: 'name' }
  /** Nothing, or any text that ends in `/`; without line ends. */
  | { readonly kind: 'folders' }
  /** Any text without line ends. */
  | { readonly kind: 'rest' }
  /** The start of the text. */
  | { readonly kind: 'start' }
  | CharacterClass;

const slash = 0x2f;
const newline = 0x0a;

/** The text is no pattern. The message completes "the pattern ...". */
export class GlobSyntaxError extends Error {}

/** Splits a pattern into pieces. Throws GlobSyntaxError where Go's filepath.Match gives ErrBadPattern. */
export function readGlob(pattern: string): readonly GlobPiece[] {
  const chars = Array.from(pattern);
  const pieces: GlobPiece[] = [];
  let at = 0;
  while (at < chars.length) {
    const char = chars[at++] ?? '';
    if (char === '*') pieces.push({ kind: 'star' });
    else if (char === '?') pieces.push({ kind: 'question' });
    else if (char === '[') {
      const { characterClass, next } = readClass(chars, at);
      pieces.push(characterClass);
      at = next;
    } else if (char === '\\') {
      const escaped = chars[at++];
      if (escaped === undefined) throw new GlobSyntaxError('ends in a lone backslash');
      pieces.push({ kind: 'literal', char: escaped, isEscaped: true });
    } else pieces.push({ kind: 'literal', char, isEscaped: false });
  }
  return pieces;
}

/** Reads a class from behind its `[` to behind its `]`. */
function readClass(chars: readonly string[], start: number): { characterClass: CharacterClass; next: number } {
  let at = start;
  const isNegated = chars[at] === '^';
  if (isNegated) at++;
  const member = (): number => {
    let char = chars[at++];
    if (char === '-' || char === ']') throw new GlobSyntaxError(`has a misplaced "${char}" between [ and ]`);
    if (char === '\\') char = chars[at++];
    const code = char?.codePointAt(0);
    if (code === undefined || at >= chars.length) throw new GlobSyntaxError('has a [ without its ]');
    return code;
  };
  const ranges: Array<readonly [number, number]> = [];
  while (chars[at] !== ']' || ranges.length === 0) {
    const first = member();
    let last = first;
    if (chars[at] === '-') {
      at++;
      last = member();
    }
    if (last < first) throw new GlobSyntaxError('has a range between [ and ] that runs backwards');
    ranges.push([first, last]);
  }
  return { characterClass: { kind: 'class', isNegated, ranges }, next: at + 1 };
}

/** The steps of a glob for one file name, where `**` means no more than `*`. */
export function nameSteps(pieces: readonly GlobPiece[]): readonly GlobStep[] {
  return pieces.map((piece) => {
    if (piece.kind === 'literal') return charStep(piece.char);
    if (piece.kind === 'star') return { kind: 'name' };
    return piece.kind === 'question' ? { kind: 'any' } : piece;
  });
}

/** The step that takes exactly this character. */
export function charStep(char: string): GlobStep {
  return { kind: 'char', code: char.codePointAt(0) ?? 0 };
}

function takes(step: GlobStep, code: number): boolean {
  if (step.kind === 'char') return step.code === code;
  if (step.kind === 'any' || step.kind === 'name') return code !== slash;
  if (step.kind === 'folders' || step.kind === 'rest') return code !== newline;
  if (step.kind === 'start') return false;
  return step.isNegated !== step.ranges.some(([first, last]) => code >= first && code <= last);
}

/** A set of positions in a pattern, in which the match may stand. */
class Positions {
  readonly #steps: readonly GlobStep[];
  readonly #marks: Uint8Array;
  readonly list: number[] = [];

  constructor(steps: readonly GlobStep[]) {
    this.#steps = steps;
    this.#marks = new Uint8Array(steps.length + 1);
  }

  /** The match may stand exactly here. */
  add(position: number): void {
    if (this.#marks[position] === 0) this.list.push(position);
    this.#marks[position] = 1;
  }

  /** The match gets here, and to wherever one gets from here without taking a character. */
  reach(position: number, isStart: boolean): void {
    for (let at = position; ; at++) {
      this.add(at);
      const kind = this.#steps[at]?.kind;
      if (kind !== 'name' && kind !== 'folders' && kind !== 'rest' && !(kind === 'start' && isStart)) return;
    }
  }

  has(position: number): boolean {
    return this.#marks[position] === 1;
  }

  clear(): void {
    for (const position of this.list) this.#marks[position] = 0;
    this.list.length = 0;
  }
}

/** Says which texts a sequence of steps takes as a whole. */
export class GlobMatcher {
  readonly #steps: readonly GlobStep[];
  /** Made when first needed: most patterns of a long list are never tried. */
  #scratch: readonly [Positions, Positions] | undefined;

  constructor(steps: readonly GlobStep[]) {
    this.#steps = steps;
  }

  matches(text: string): boolean {
    this.#scratch ??= [new Positions(this.#steps), new Positions(this.#steps)];
    let [current, next] = this.#scratch;
    current.clear();
    current.reach(0, true);
    for (let at = 0; at < text.length && current.list.length > 0;) {
      const code = text.codePointAt(at) ?? 0;
      at += code > 0xffff ? 2 : 1;
      this.#advance(code, current, next);
      [current, next] = [next, current];
    }
    return current.has(this.#steps.length);
  }

  /** Takes one character in every way that is possible. */
  #advance(code: number, current: Positions, next: Positions): void {
    next.clear();
    for (const position of current.list) {
      const step = this.#steps[position];
      if (step === undefined || !takes(step, code)) continue;
      if (step.kind === 'folders') {
        next.add(position);
        if (code === slash) next.reach(position + 1, false);
      } else next.reach(step.kind === 'name' || step.kind === 'rest' ? position : position + 1, false);
    }
  }
}
