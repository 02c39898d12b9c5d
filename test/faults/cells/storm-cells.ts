// Storms: every request of a publish fails by chance, so that faults meet in ways that nobody thought of.
import type { FaultCase } from '../fault-case.ts';
import type { Fault } from '../rules.ts';

/** What may happen to a request. */
export const stormKinds: readonly Fault[] = [
  { kind: 'answer', status: 503 },
  { kind: 'answer', status: 500, body: 'internal error' },
  { kind: 'answer', status: 502, early: true },
  { kind: 'answer', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'reset', when: 'before' },
  { kind: 'reset', when: 'body' },
  { kind: 'reset', when: 'after' },
  { kind: 'fin', when: 'before' },
  { kind: 'lose-answer' },
  { kind: 'hang', when: 'before' },
  { kind: 'hang', when: 'after' },
  { kind: 'delay', ms: 300 },
];

const probability = 0.05;
const tags = ['1.2.3', '1.2', 'latest'];

/** So many publishes, each with a seed of its own, from `firstSeed` on. */
export function stormCells(publishes: number, firstSeed = 1): readonly FaultCase[] {
  return Array.from({ length: publishes }, (_, index) => ({
    id: `storm, seed ${firstSeed + index}`,
    group: 'storm',
    rules: [],
    random: { probability, seed: firstSeed + index, kinds: stormKinds },
    tags,
    limitMs: 150_000,
  }));
}
