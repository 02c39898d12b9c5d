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
import { FaultBench, type FaultRun } from '../faults/run-fault.ts';
import { sharedEngine } from '../support/shared-engine.ts';

const registries = new BenchRegistries();
const bench = new FaultBench(registries);
afterAll(() => registries.stop());

/** Waiting is not what is tried here. */
const takesLong = /xever|x5|silence|byte\/s|an hour/;

/** Those that end soon, in an order that nobody chose. */
function drawn(cases: readonly FaultCase[]): readonly FaultCase[] {
  const draw = ({ id }: FaultCase): string => createHash('sha256').update(`4 ${id}`).digest('hex');
  return cases.filter(({ id }) => !takesLong.test(id)).toSorted((one, other) => draw(one).localeCompare(draw(other)));
}

const atOnce = 5;
/** Of a publish; each test is a few of them, and an undisturbed one for some. */
const limitMs = 75_000;
const timeoutMs = 400_000;

interface Ends {
  /** A line for each that did not end as it should, or did not meet its fault. */
  readonly wrong: readonly string[];
  readonly ran: number;
  readonly hits: number;
}

/** Runs the first `count` cases that apply to this road, a few at a time. */
async function endsOf(road: 'upload' | 'promotion', cases: readonly FaultCase[], count = cases.length): Promise<Ends> {
  const driver =
    road === 'promotion'
      ? promotingPlugin(await registries.source())
      : buildingPlugin('plugin upload (26.1 graphdriver)', sharedEngine('docker-26.1-graphdriver'));
  const wrong: string[] = [];
  const runs: FaultRun[] = [];
  const queue = [...cases];
  let places = count;
  const work = async (): Promise<void> => {
    for (;;) {
      const next = places > 0 ? queue.shift() : undefined;
      if (next === undefined) return;
      places -= 1;
      const run = await bench.run(driver, { ...next, limitMs });
      if (run === undefined) {
        places += 1;
        continue;
      }
      runs.push(run);
      if (!run.isMet) wrong.push(`${run.fault}: the fault was not met\n${run.output}`);
      if (!run.isAllowed)
        wrong.push(`${run.fault}: ${run.letter}, exit ${run.exitCode}: ${run.reasons.join('; ')}\n${run.output}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { wrong, ran: runs.length, hits: runs.reduce((sum, { hits }) => sum + hits, 0) };
}

test(
  'an upload survives what passes and ends cleanly otherwise, whatever the registry does to it',
  async () => {
    expect(await endsOf('upload', drawn(registryCells), 8)).toMatchObject({ wrong: [], ran: 8 });
  },
  timeoutMs,
);

test(
  'so does a promotion',
  async () => {
    expect(await endsOf('promotion', drawn(registryCells).slice(20), 5)).toMatchObject({ wrong: [], ran: 5 });
  },
  timeoutMs,
);

test(
  'of four tags all are old when one is refused',
  async () => {
    const cases = tagCells.filter(({ id }) => id.startsWith('tag 3 of 4: 403'));
    expect(cases).toHaveLength(2);
    expect(await endsOf('upload', cases)).toMatchObject({ wrong: [], ran: 2 });
  },
  timeoutMs,
);

test.each(['upload', 'promotion'] as const)(
  'a publish by %s survives a storm of faults',
  async (road) => {
    const storms = stormCells(6).map((one): FaultCase => ({ ...one, letters: ['survived'] }));
    const { wrong, ran, hits } = await endsOf(road, road === 'upload' ? storms.slice(0, 3) : storms.slice(3));
    expect(wrong).toEqual([]);
    expect(ran).toBe(3);
    expect(hits).toBeGreaterThan(0);
  },
  timeoutMs,
);
