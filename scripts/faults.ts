// `make faults`: publishes while a proxy before the registry does what registries do on bad days, and judges how each publish ends:
// S survived, C clean failure, D dirty, L lie, H hang (docs/reliability.md). Ends with 1 when anything was worse than clean.
//
//   node .cache/faults/faults.js [--only text] [--driver text] [--store graphdriver|containerd] [--peers] [--write-docs]
//     [--workers 4] [--trials 1] [--seed 1]
//
// `--only` is part of a fault's name, or a whole group: measured, registry, tags, storm. `--peers` lets the other tools that are
// installed go through the fifteen measured faults as well, and `--write-docs` puts these side by side into docs/reliability.md.
// Every run is a JSON line in .cache/faults/results.jsonl, with the log of those that ended badly.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchRegistries } from '../test/faults/bench-registries.ts';
import type { Driver } from '../test/faults/drivers/driver.ts';
import type { FaultCase } from '../test/faults/fault-case.ts';
import { FaultBench } from '../test/faults/run-fault.ts';
import { allCases } from './faults/cases.ts';
import { writeDocs } from './faults/docs-table.ts';
import { BenchEngines, type ChosenDrivers, chooseDrivers, type DriverChoice } from './faults/drivers.ts';
import { describeBad, type FaultResult, isGood, letterTable, totals } from './faults/report.ts';

const resultsFile = join(import.meta.dirname, 'results.jsonl');
const docsFile = 'docs/reliability.md';

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
  const waiting = [...trials.entries()];
  const results = new Map<number, FaultResult>();
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !signal.aborted; next = waiting.shift()) {
      const result = await runTrial(bench, next[1]);
      results.set(next[0], result);
      appendFileSync(resultsFile, `${JSON.stringify(isGood(result) ? { ...result, output: undefined } : result)}\n`);
      if (!isGood(result)) console.log(describeBad(result));
      if (results.size % 25 === 0) console.log(`${results.size} of ${trials.length}`);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return [...results].sort(([one], [other]) => one - other).map(([, result]) => result);
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

interface Options extends DriverChoice {
  readonly only: string | undefined;
  readonly seed: number;
  readonly trials: number;
  readonly workers: number;
  readonly writeDocs: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      driver: { type: 'string' },
      store: { type: 'string' },
      peers: { type: 'boolean', default: false },
      workers: { type: 'string', default: '4' },
      trials: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
      'write-docs': { type: 'boolean', default: false },
    },
  });
  const { only, driver, store, peers } = values;
  return {
    only,
    driver,
    store,
    peers,
    seed: readCount('seed', values.seed),
    trials: readCount('trials', values.trials),
    workers: readCount('workers', values.workers),
    writeDocs: values['write-docs'],
  };
}

/** Returns whether everything of the plugin ended as it may. */
async function runBench(
  options: Options,
  { drivers, absent }: ChosenDrivers,
  bench: FaultBench,
  signal: AbortSignal,
): Promise<boolean> {
  const { only, seed, trials, workers, writeDocs: isForDocs } = options;
  for (const name of absent) console.log(`${name}: not installed, left out`);
  const faults = allCases(seed).filter(({ id, group }) => only === undefined || group === only || id.includes(only));
  const once = faults.flatMap((fault) =>
    drivers.filter((driver) => isFor(driver, fault)).map((driver): Trial => ({ driver, fault })),
  );
  const all = Array.from({ length: trials }, () => once).flat();
  const results = await runTrials(all, bench, workers, signal);
  console.log(`\n${letterTable(results)}\n\n${totals(results).join('\n')}`);
  console.log(`\nevery run, as JSON lines: ${relative(process.cwd(), resultsFile)}`);
  const areAllTried = !signal.aborted && results.every(({ outcome }) => outcome !== 'bench failed');
  if (isForDocs && !areAllTried) console.log(`${docsFile} stays as it is: not all of it was tried`);
  if (isForDocs && areAllTried) {
    const judged = results.flatMap((result) => (result.outcome === 'judged' ? [result] : []));
    writeDocs(
      docsFile,
      judged.filter(({ group }) => group === 'measured'),
      absent,
    );
  }
  return !signal.aborted && results.filter(isOurs(drivers)).every(isGood);
}

async function main(): Promise<void> {
  const options = readOptions();
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt.abort());
  const registries = new BenchRegistries();
  const engines = new BenchEngines();
  mkdirSync(import.meta.dirname, { recursive: true });
  writeFileSync(resultsFile, '');
  try {
    const chosen = await chooseDrivers(options, engines, registries);
    if (!(await runBench(options, chosen, new FaultBench(registries), interrupt.signal))) process.exitCode = 1;
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
