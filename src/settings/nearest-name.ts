// "Did you mean": the known name that a mistyped one is closest to.

/** Two typing mistakes are plausible; with three, other words begin to match. */
const maxDistance = 2;
/** Names longer than any of ours by much are not compared. */
const maxLength = 80;

/** The closest name within two edits, or one that differs in underscores only. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  if (name.length > maxLength) return undefined;
  const bare = name.replaceAll('_', '');
  const sameLetters = names.find((candidate) => candidate.replaceAll('_', '') === bare);
  if (sameLetters !== undefined) return sameLetters;
  let best: string | undefined;
  let bestDistance = maxDistance + 1;
  for (const candidate of names) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
export function editDistance(from: string, to: string): number {
  let beforePrevious: readonly number[] = [];
  let previous: readonly number[] = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          (previous[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (previous[column - 1] ?? 0) + (same ? 0 : 1),
          swapped ? (beforePrevious[column - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length] ?? 0;
}
