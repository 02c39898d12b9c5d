// The fifteen measured faults on every road of publishing. Each publish meets several of them at different steps, which is harder
// than one by one and takes half the time; `make faults` has them one by one, and hundreds more.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BenchRegistries } from '../faults/bench-registries.ts';
import type { Driver } from '../faults/drivers/driver.ts';
import { buildingPlugin, promotingPlugin } from '../faults/drivers/plugin.ts';
import type { FaultCase } from '../faults/fault-case.ts';
import { measuredFaults } from '../faults/measured-faults.ts';
import { FaultBench } from '../faults/run-fault.ts';
import { sharedEngine } from '../support/shared-engine.ts';

/** Their names; a manifest meets one fault per publish. */
const publishes: readonly (readonly string[])[] = [
  ['POST upload 429 + Retry-After 2', 'HEAD blob 502 x1', 'PUT manifest 503 x1'],
  ['POST upload 503 x1', 'reset in the blob body x1', 'PUT manifest 429 + Retry-After 2'],
  ['POST upload 500 x2', 'PUT manifest reset x1'],
  ['upload session 404 x1', 'PUT manifest stored, answer lost'],
  ['blob upload 502 x1', 'PUT manifest 500 x3'],
  ['blob PUT stored, answer lost', 'PUT manifest 404 x1'],
  ['PUT manifest never answered'],
];
/** Most of the time of a publish is waiting. */
const atOnce = 4;

const registries = new BenchRegistries();
const bench = new FaultBench(registries);
let source: Awaited<ReturnType<BenchRegistries['source']>>;
beforeAll(async () => {
  source = await registries.source();
});
afterAll(() => registries.stop());

function combine(ids: readonly string[]): FaultCase {
  const faults = measuredFaults.filter(({ id }) => ids.includes(id));
  expect(faults).toHaveLength(ids.length);
  // The plugin and the daemon send a blob in the PUT that ends the upload.
  const putsBlobs = new Map([['pb', 1]] as const);
  const rules = faults.flatMap((fault) => (typeof fault.rules === 'function' ? fault.rules(putsBlobs) : fault.rules));
  return { id: ids.join(', '), group: 'measured', rules };
}

/** What came of each publish, with the log of those that did not survive. */
async function endsOf(driver: Driver): Promise<readonly string[]> {
  const waiting = publishes.map(combine);
  const ends: string[] = [];
  const work = async (): Promise<void> => {
    for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
      const run = await bench.run(driver, fault);
      const met = run?.hits === hitsOf(fault);
      if (run?.letter === 'survived' && met) continue;
      ends.push(`${fault.id}: ${run?.letter}, ${run?.hits} faults met, ${run?.reasons.join('; ')}\n${run?.output}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return ends;
}

function hitsOf({ rules }: FaultCase): number {
  return typeof rules === 'function' ? 0 : rules.reduce((sum, { match }) => sum + (match.times ?? 1), 0);
}

it('meets all of the fifteen', () => {
  expect(publishes.flat().sort()).toEqual(measuredFaults.map(({ id }) => id).sort());
});

describe.each<[string, () => Driver]>([
  [
    'an upload out of a graph-driver store',
    () => buildingPlugin('plugin upload (26.1 graphdriver)', sharedEngine('docker-26.1-graphdriver')),
  ],
  [
    'a push by the daemon',
    () => buildingPlugin('daemon push (26.1 containerd)', sharedEngine('docker-26.1-containerd')),
  ],
  [
    'an upload out of a containerd store',
    () => buildingPlugin('plugin upload (26.1 containerd, push_via: plugin)', sharedEngine('docker-26.1-containerd')),
  ],
  ['a promotion', () => promotingPlugin(source)],
])('%s', (_, makeDriver) => {
  it('survives the measured faults, and leaves nothing', async () => {
    expect(await endsOf(makeDriver())).toEqual([]);
  });
});
