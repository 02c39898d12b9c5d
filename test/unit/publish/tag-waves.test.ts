import { expect, it } from 'vitest';
import { inWaves, waveOf } from '../../../src/publish/tag-waves.ts';

it.each([
  ['1.2.3', 0],
  ['v1.2.3', 0],
  ['1.2.3-alpine', 0],
  ['9fceb02', 0],
  ['sha-9fceb02', 0],
  ['1.2', 1],
  ['1', 1],
  ['v1', 1],
  ['1.2-alpine', 1],
  ['latest', 2],
  ['main', 2],
  ['feature-1.2.3', 2],
])('the tag %s moves in wave %i', (tag, wave) => {
  expect(waveOf(tag)).toBe(wave);
});

it('moves what cannot be put back after everything else, each in waves', () => {
  const moves = [
    { tag: 'latest', isNew: false },
    { tag: 'edge', isNew: true },
    { tag: '1.2.3', isNew: true },
    { tag: '1.2', isNew: false },
  ];
  const order = inWaves(moves, ({ isNew }) => !isNew).map((wave) => wave.map(({ tag }) => tag));
  expect(order).toEqual([['1.2'], ['latest'], ['1.2.3'], ['edge']]);
});
