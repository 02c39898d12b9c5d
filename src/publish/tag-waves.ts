// The order in which tags move: names that never move again first, names that people follow last. Whoever pulls
// `latest` in the middle of a publish sees the old image or the whole new one.

/** Tags that move at the same time. */
export type Wave = 0 | 1 | 2;

export const waves: readonly Wave[] = [0, 1, 2];

/** 0: full versions and commit hashes (1.2.3, v1.2.3-alpine, 9fceb02); 1: shorter versions (1.2, v1); 2: the rest. */
export function waveOf(tag: string): Wave {
  if (/^v?\d+\.\d+\.\d+/.test(tag) || /^(sha-)?[0-9a-f]{7,64}$/.test(tag)) return 0;
  return /^v?\d+(\.\d+)?([-_.+].*)?$/.test(tag) ? 1 : 2;
}
