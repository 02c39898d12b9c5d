// Finds the patterns of a long list that may match a path, without trying each. Whole paths are looked up; of every other
// pattern the rarest short piece of literal text is filed, and only patterns whose piece occurs in the path are tried.
// 10,000 patterns over 10,000 paths would otherwise be 10^8 trials.

/** A pattern as the index needs it. */
export interface IndexedPattern {
  /** Set when the pattern matches this path and no other. */
  readonly exact?: string;
  /** Pieces of text that occur in each path that matches; may be empty strings. */
  readonly literals: readonly string[];
  readonly matches: (path: string) => boolean;
  /** What is asked for: the number of the group that the pattern belongs to. */
  readonly group: number;
}

/** Pieces are up to three characters: long enough to be rare, short enough to be in most patterns. */
const maxPieceLength = 3;
/** Below this, trying each pattern costs less than looking at each piece of the path. */
const minIndexedPatterns = 12;
const filterBits = 16;

/** A number for a piece of text; different pieces may share it. */
function pieceKey(text: string, start: number, length: number): number {
  let key = length;
  for (let at = start; at < start + length; at++) key = (Math.imul(key, 0x01000193) ^ text.charCodeAt(at)) | 0;
  return key;
}

function filterSlot(key: number): number {
  return (key ^ (key >>> filterBits)) & ((1 << filterBits) - 1);
}

/** Groups of patterns by the paths that they match. */
export class PatternIndex {
  readonly #exact = new Map<string, number[]>();
  /** Patterns that hold no literal text, or too few patterns to be filed. */
  readonly #always: IndexedPattern[] = [];
  readonly #byPiece = new Map<number, IndexedPattern[]>();
  readonly #pieceLengths: readonly number[];
  /** Says "no" to most pieces without a look at the map. */
  readonly #filter = new Uint8Array(1 << filterBits);

  constructor(patterns: readonly IndexedPattern[]) {
    const globs: IndexedPattern[] = [];
    for (const pattern of patterns) {
      if (pattern.exact === undefined) globs.push(pattern);
      else append(this.#exact, pattern.exact, pattern.group);
    }
    const isIndexed = globs.length >= minIndexedPatterns;
    const pieces = globs.map((pattern) => (isIndexed ? piecesOf(pattern) : noPieces));
    const uses = countUses(pieces);
    const lengths = new Set<number>();
    for (const [at, pattern] of globs.entries()) {
      const { length, keys } = pieces[at] ?? noPieces;
      const rarest = keys.reduce<number | undefined>((best, key) => rarer(uses, best, key), undefined);
      if (rarest === undefined) {
        this.#always.push(pattern);
        continue;
      }
      append(this.#byPiece, rarest, pattern);
      this.#filter[filterSlot(rarest)] = 1;
      lengths.add(length);
    }
    this.#pieceLengths = [...lengths];
  }

  /** Groups with at least one pattern that matches, ascending. */
  groupsOf(path: string): readonly number[] {
    const exact = this.#exact.get(path);
    const found = exact === undefined ? undefined : new Set(exact);
    const candidates = this.#candidates(path);
    if (candidates.length === 0) return found === undefined ? [] : sorted(found);
    const groups = found ?? new Set<number>();
    for (const pattern of candidates) {
      if (!groups.has(pattern.group) && pattern.matches(path)) groups.add(pattern.group);
    }
    return sorted(groups);
  }

  #candidates(path: string): readonly IndexedPattern[] {
    if (this.#byPiece.size === 0) return this.#always;
    const candidates = [...this.#always];
    const seen = new Set<number>();
    for (const length of this.#pieceLengths) {
      for (let start = 0; start + length <= path.length; start++) {
        const key = pieceKey(path, start, length);
        if (this.#filter[filterSlot(key)] === 0 || seen.has(key)) continue;
        seen.add(key);
        for (const pattern of this.#byPiece.get(key) ?? []) candidates.push(pattern);
      }
    }
    return candidates;
  }
}

function sorted(groups: ReadonlySet<number>): readonly number[] {
  return [...groups].sort((a, b) => a - b);
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** The pieces of one pattern. */
interface Pieces {
  readonly length: number;
  readonly keys: readonly number[];
}

const noPieces: Pieces = { length: 0, keys: [] };

/** All pieces of the greatest length that a pattern has: short ones are in every path. */
function piecesOf(pattern: IndexedPattern): Pieces {
  let length = 0;
  for (const literal of pattern.literals) length = Math.max(length, Math.min(maxPieceLength, literal.length));
  const keys: number[] = [];
  if (length === 0) return noPieces;
  for (const literal of pattern.literals) {
    for (let start = 0; start + length <= literal.length; start++) keys.push(pieceKey(literal, start, length));
  }
  return { length, keys };
}

function countUses(pieces: readonly Pieces[]): ReadonlyMap<number, number> {
  const uses = new Map<number, number>();
  for (const { keys } of pieces) {
    for (const key of keys) uses.set(key, (uses.get(key) ?? 0) + 1);
  }
  return uses;
}

function rarer(uses: ReadonlyMap<number, number>, a: number | undefined, b: number): number {
  return a !== undefined && (uses.get(a) ?? 0) <= (uses.get(b) ?? 0) ? a : b;
}
