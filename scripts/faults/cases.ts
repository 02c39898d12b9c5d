// All faults that `make faults` knows, in the order in which they are reported.
import type { FaultCase } from '../../test/faults/fault-case.ts';
import { measuredFaults } from '../../test/faults/measured-faults.ts';

/** Every case, once. Throws when two have one name. */
export function allCases(): readonly FaultCase[] {
  const cases = [...measuredFaults];
  const names = new Set<string>();
  for (const { id } of cases) {
    if (names.has(id)) throw new Error(`two faults are called "${id}"`);
    names.add(id);
  }
  return cases;
}
