// All faults that `make faults` knows, in the order in which they are reported.
import { registryCells } from '../../test/faults/cells/registry-cells.ts';
import { stormCells } from '../../test/faults/cells/storm-cells.ts';
import { tagCells } from '../../test/faults/cells/tag-cells.ts';
import type { FaultCase } from '../../test/faults/fault-case.ts';
import { measuredFaults } from '../../test/faults/measured-faults.ts';

/** Of each scenario. */
const stormPublishes = 300;

/**
 * Every case, once. Throws when two have one name.
 *
 * @param seed of the first publish in a storm
 */
export function allCases(seed: number): readonly FaultCase[] {
  const cases = [...measuredFaults, ...registryCells, ...tagCells, ...stormCells(stormPublishes, seed)];
  const names = new Set<string>();
  for (const { id } of cases) {
    if (names.has(id)) throw new Error(`two faults are called "${id}"`);
    names.add(id);
  }
  return cases;
}
