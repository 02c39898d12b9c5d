// The order in which tags move. What can be put back goes before what cannot: a tag that is new stays for ever on most
// registries, so the step that nothing undoes is the last one, when no other tag can fail any more. Among the ones and the
// others, names that never move again go first and names that people follow last: whoever pulls `latest` in the middle of
// a publish sees the old image or the whole new one.

/** Tags that move at the same time. */
export type Wave = 0 | 1 | 2;

export const waves: readonly Wave[] = [0, 1, 2];

/** 0: full versions and commit hashes (1.2.3, v1.2.3-alpine, 9fceb02); 1: shorter versions (1.2, v1); 2: the rest. */
export function waveOf(tag: string): Wave {
  if (/^v?\d+\.\d+\.\d+/.test(tag) || /^(sha-)?[0-9a-f]{7,64}$/.test(tag)) return 0;
  return /^v?\d+(\.\d+)?([-_.+].*)?$/.test(tag) ? 1 : 2;
}

/** The moves in the order of their waves; none of a wave is empty. @param canUndo whether a tag can be put back */
export function inWaves<Move extends { readonly tag: string }>(
  moves: readonly Move[],
  canUndo: (move: Move) => boolean,
): readonly (readonly Move[])[] {
  const groups = [moves.filter(canUndo), moves.filter((move) => !canUndo(move))];
  return groups
    .flatMap((group) => waves.map((wave) => group.filter(({ tag }) => waveOf(tag) === wave)))
    .filter((wave) => wave.length > 0);
}
