// A handful of the failure matrix of registries, with a real registry and daemon: a dozen cells of it that end soon, one fault
// at a tag of four, and a small storm. `make faults` runs them all. The choice is made by a fixed number, not by taste.
import { createHash } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { BenchRegistries } from '../faults/bench-registries.ts';
import { registryCells } from '../faults/cells/registry-cells.ts';
import { stormCells } from '../faults/cells/storm-cells.ts';
import { tagCells } from '../faults/cells/tag-cells.ts';
import { buildingPlugin, promotingPlugin } from '../faults/drivers/plugin.ts';
import type { FaultCase } from '../faults/fault-case.ts';
import { FaultBench } from '../faults/run-fault.ts';
import { sharedEngine } from '../support/shared-engine.ts';

const registries = new BenchRegistries();
const bench = new FaultBench(registries);
afterAll(() => registries.stop());

/** Waiting is not what is tried here. */
const takesLong = /xever|x5|silence|byte\/s|an hour/;

function someOf(cases: readonly FaultCase[], count: number): readonly FaultCase[] {
  const draw = ({ id }: FaultCase): string => createHash('sha256').update(`4 ${id}`).digest('hex');
  return cases
    .filter(({ id }) => !takesLong.test(id))
    .toSorted((one, other) => draw(one).localeCompare(draw(other)))
    .slice(0, count);
}

const atOnce = 5;

/** Runs cases a few at a time, and gives a line for each that did not end as it should. */
async function wrongEnds(road: 'upload' | 'promotion', cases: readonly FaultCase[]): Promise<readonly string[]> {
  const driver =
    road === 'promotion'
      ? promotingPlugin(await registries.source())
      : buildingPlugin('plugin upload (26.1 graphdriver)', sharedEngine('docker-26.1-graphdriver'));
  const wrong: string[] = [];
  const queue = [...cases];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const run = await bench.run(driver, next);
      if (run === undefined || run.isAllowed) continue;
      wrong.push(`${run.fault}: ${run.letter}, exit ${run.exitCode}: ${run.reasons.join('; ')}\n${run.output}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return wrong;
}

test('an upload survives what passes and ends cleanly otherwise, whatever the registry does to it', async () => {
  expect(await wrongEnds('upload', someOf(registryCells, 8))).toEqual([]);
});

test('so does a promotion', async () => {
  expect(await wrongEnds('promotion', someOf(registryCells, 13).slice(8))).toEqual([]);
});

test('of four tags all are old or all are new when one is refused', async () => {
  const cases = tagCells.filter(({ id }) => id.startsWith('tag 3 of 4: 403'));
  expect(cases).toHaveLength(2);
  expect(await wrongEnds('upload', cases)).toEqual([]);
});

test('a publish survives a storm of faults', async () => {
  const cases = stormCells(6).map((one): FaultCase => ({ ...one, letters: ['survived'] }));
  expect(await wrongEnds('upload', cases.slice(0, 3))).toEqual([]);
  expect(await wrongEnds('promotion', cases.slice(3))).toEqual([]);
});
