// `make faults`: publishes while a proxy before the registry does what registries do on bad days, and judges how each publish ends:
// S survived, C clean failure, D dirty, L lie, H hang (docs/reliability.md). Ends with 1 when anything was worse than clean.
//
//   node .cache/faults/faults.js [--only text] [--driver text] [--store graphdriver|containerd] [--peers] [--workers 4] [--trials 1]
//
// `--only` is part of a fault's name, or a whole group: measured, registry, tags, storm. `--peers` lets the other tools that are
// installed go through the fifteen measured faults as well. Every run is a JSON line in .cache/faults/results.jsonl.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchRegistries } from '../test/faults/bench-registries.ts';
import type { Driver } from '../test/faults/drivers/driver.ts';
import type { FaultCase } from '../test/faults/fault-case.ts';
import { FaultBench } from '../test/faults/run-fault.ts';
import { allCases } from './faults/cases.ts';
import { BenchEngines, chooseDrivers } from './faults/drivers.ts';
import { describeBad, type FaultResult, isGood, letterTable, totals } from './faults/report.ts';

const resultsFile = join(import.meta.dirname, 'results.jsonl');

interface Trial {
  readonly driver: Driver;
  readonly fault: FaultCase;
}

/** Carries out the trials, so many at a time; stops beginning new ones when interrupted. */
async function runTrials(
  trials: readonly Trial[],
  bench: FaultBench,
  workers: number,
  signal: AbortSignal,
): Promise<readonly FaultResult[]> {
  const waiting = [...trials];
  const results: FaultResult[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !signal.aborted; next = waiting.shift()) {
      const result = await runTrial(bench, next);
      results.push(result);
      appendFileSync(resultsFile, `${JSON.stringify(isGood(result) ? { ...result, output: undefined } : result)}\n`);
      if (!isGood(result)) console.log(describeBad(result));
      if (results.length % 25 === 0) console.log(`${results.length} of ${trials.length}`);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return results;
}

async function runTrial(bench: FaultBench, { driver, fault }: Trial): Promise<FaultResult> {
  const names = { fault: fault.id, driver: driver.name };
  try {
    const run = await bench.run(driver, fault);
    return run === undefined ? { outcome: 'does not occur', ...names } : { outcome: 'judged', ...run };
  } catch (error) {
    return { outcome: 'bench failed', ...names, error: error instanceof Error ? String(error.stack) : String(error) };
  }
}

function isFor({ scenario }: Driver, { group, scenarios }: FaultCase): boolean {
  return scenario === undefined ? group === 'measured' : (scenarios?.includes(scenario) ?? true);
}

function readCount(name: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--${name} must be a whole number from 1 on`);
  return count;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      driver: { type: 'string' },
      store: { type: 'string' },
      peers: { type: 'boolean', default: false },
      workers: { type: 'string', default: '4' },
      trials: { type: 'string', default: '1' },
    },
  });
  const { only } = values;
  const faults = allCases().filter(({ id, group }) => only === undefined || group === only || id.includes(only));
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt.abort());
  const registries = new BenchRegistries();
  const engines = new BenchEngines();
  mkdirSync(import.meta.dirname, { recursive: true });
  writeFileSync(resultsFile, '');
  try {
    const { driver, store, peers } = values;
    const drivers = await chooseDrivers({ driver, store, peers }, engines, registries);
    const once = faults.flatMap((fault) =>
      drivers.filter((each) => isFor(each, fault)).map((each) => ({ driver: each, fault })),
    );
    const trials = Array.from({ length: readCount('trials', values.trials) }, () => once).flat();
    const workers = readCount('workers', values.workers);
    const results = await runTrials(trials, new FaultBench(registries), workers, interrupt.signal);
    console.log(`\n${letterTable(results)}\n`);
    console.log(totals(results).join('\n'));
    console.log(`\nevery run, as JSON lines: ${relative(process.cwd(), resultsFile)}`);
    if (interrupt.signal.aborted || !results.filter(isOurs(drivers)).every(isGood)) process.exitCode = 1;
  } finally {
    await engines.stop();
    await registries.stop();
  }
}

/** How others end is shown, and no failure of ours. */
function isOurs(drivers: readonly Driver[]): (result: FaultResult) => boolean {
  const ours = new Set(drivers.filter(({ scenario }) => scenario !== undefined).map(({ name }) => name));
  return ({ driver }) => ours.has(driver);
}

await main();
