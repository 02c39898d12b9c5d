// The pattern lists of Docker: .dockerignore and the include lists of a build. Order matters, `!` makes an exception, and
// what matched a folder goes for everything in it. The rules are those of github.com/moby/patternmatcher (v0.6), which
// the docker CLI runs. Some slips of its regular expressions are not copied: here `{`, `}` and `|` stand for themselves,
// so do `*` and `?` between [ and ], and `\d` is a d.
import { posix } from 'node:path';
import { charStep, GlobMatcher, type GlobPiece, type GlobStep, GlobSyntaxError, readGlob } from './glob.ts';
import { type IndexedPattern, PatternIndex } from './pattern-index.ts';

/** One pattern of a list. */
export interface Pattern {
  /** Cleaned, without `!`. */
  readonly text: string;
  readonly isException: boolean;
}

/**
 * What matched a folder, for the match of what is in it: the groups of the list (see PatternList) that hold a matching
 * pattern, ascending.
 */
export type MatchedGroups = readonly number[];

const nothing: MatchedGroups = [];

/** A list of patterns. Throws GlobSyntaxError with a message that names the pattern when one of them is malformed. */
export class PatternList {
  readonly patterns: readonly Pattern[];
  /**
   * Patterns that follow each other with the same sign form a group. Within a group the order is of no consequence, and
   * whether a group matched says all that the rules need to know about its patterns.
   */
  readonly #groupIsException: readonly boolean[];
  readonly #index: PatternIndex;

  constructor(lines: readonly string[]) {
    this.patterns = lines.flatMap(readPattern);
    const groupIsException: boolean[] = [];
    const indexed = this.patterns.map((pattern): IndexedPattern => {
      if (groupIsException.at(-1) !== pattern.isException) groupIsException.push(pattern.isException);
      return { group: groupIsException.length - 1, ...compile(pattern.text) };
    });
    this.#groupIsException = groupIsException;
    this.#index = new PatternIndex(indexed);
  }

  /**
   * Matches a path whose parent folder was matched before.
   * @param path relative, clean, ordinary text
   * @param parent what matched the parent folder; nothing for a name in the root
   */
  match(path: string, parent: MatchedGroups = nothing): { readonly isMatch: boolean; readonly groups: MatchedGroups } {
    const own = this.#index.groupsOf(path);
    if (own.length === 0 && parent.length === 0) return { isMatch: false, groups: nothing };
    let isMatch = false;
    const groups: number[] = [];
    for (const group of own.length === 0 ? parent : mergeAscending(own, parent)) {
      const isException = this.#groupIsException[group] ?? false;
      // An own match counts only when it would change something; one of the parent counts always.
      if (!parent.includes(group) && isException !== isMatch) continue;
      groups.push(group);
      isMatch = !isException;
    }
    return { isMatch, groups };
  }
}

function mergeAscending(own: readonly number[], parent: readonly number[]): readonly number[] {
  if (parent.length === 0) return own;
  return [...new Set([...own, ...parent])].sort((a, b) => a - b);
}

function readPattern(line: string): readonly Pattern[] {
  const trimmed = line.trim();
  if (trimmed === '') return [];
  const cleaned = cleanPath(trimmed);
  const isException = cleaned.startsWith('!');
  const text = isException ? cleaned.slice(1) : cleaned;
  if (text === '') throw new GlobSyntaxError('the pattern "!" excludes nothing');
  return [{ text, isException }];
}

/** A path without `.`, `..` and doubled or trailing slashes, as Go's path.Clean gives it. */
export function cleanPath(path: string): string {
  const cleaned = posix.normalize(path);
  return cleaned.length > 1 && cleaned.endsWith('/') ? cleaned.slice(0, -1) : cleaned;
}

/** How a pattern matches, and text that each match must hold. */
type Compiled = Pick<IndexedPattern, 'exact' | 'literals' | 'matches'>;

function compile(text: string): Compiled {
  const pieces = readPieces(text);
  const { kind, steps } = translate(pieces);
  if (kind === 'exact') return { exact: text, literals: [], matches: (path) => path === text };
  if (kind === 'prefix') {
    const prefix = text.slice(0, -2);
    return { literals: [prefix], matches: (path) => path.startsWith(prefix) };
  }
  if (kind === 'suffix') {
    const suffix = text.slice(2);
    const name = suffix.startsWith('/') ? suffix.slice(1) : undefined;
    return { literals: [name ?? suffix], matches: (path) => path.endsWith(suffix) || path === name };
  }
  const { runs, head, tail } = literalsOf(steps);
  const glob = new GlobMatcher(steps);
  return {
    literals: runs,
    matches: (path) =>
      path.startsWith(head) && path.endsWith(tail) && runs.every((run) => path.includes(run)) && glob.matches(path),
  };
}

function readPieces(text: string): readonly GlobPiece[] {
  try {
    return readGlob(text);
  } catch (error) {
    if (error instanceof GlobSyntaxError) throw new GlobSyntaxError(`the pattern "${text}" ${error.message}`);
    throw error;
  }
}

type Kind = 'exact' | 'prefix' | 'suffix' | 'glob';

/** Decides of which kind a pattern is, and the steps for the kind that needs them. */
function translate(pieces: readonly GlobPiece[]): { kind: Kind; steps: readonly GlobStep[] } {
  const steps: GlobStep[] = [];
  let kind: Kind = 'exact';
  for (let at = 0; at < pieces.length; at++) {
    const piece = pieces[at];
    if (piece === undefined) break;
    if (piece.kind === 'star' && pieces[at + 1]?.kind === 'star') {
      const isFirst = at === 0;
      at += isPlainSlash(pieces[at + 2]) ? 2 : 1;
      const isLast = at === pieces.length - 1;
      steps.push({ kind: isLast ? 'rest' : 'folders' });
      if (isFirst) kind = 'suffix';
      else kind = isLast && kind === 'exact' ? 'prefix' : 'glob';
      continue;
    }
    if (piece.kind === 'star') steps.push({ kind: 'name' });
    else if (piece.kind === 'question') steps.push({ kind: 'any' });
    else if (piece.kind === 'class') steps.push(piece);
    // Docker makes a regular expression of such a pattern and forgets to escape this one character.
    else if (piece.char === '^' && !piece.isEscaped) steps.push({ kind: 'start' });
    else steps.push(charStep(piece.char));
    if (piece.kind !== 'literal' || piece.isEscaped || piece.char === ']') kind = 'glob';
  }
  return { kind, steps };
}

function isPlainSlash(piece: GlobPiece | undefined): boolean {
  return piece?.kind === 'literal' && piece.char === '/' && !piece.isEscaped;
}

/** Runs of characters that every match holds: all of them, the one at its very start and the one at its very end. */
function literalsOf(steps: readonly GlobStep[]): { runs: readonly string[]; head: string; tail: string } {
  const runs: string[] = [''];
  for (const step of steps) {
    if (step.kind === 'char') runs.push(`${runs.pop() ?? ''}${String.fromCodePoint(step.code)}`);
    else runs.push('');
  }
  return { runs, head: runs[0] ?? '', tail: runs.at(-1) ?? '' };
}
