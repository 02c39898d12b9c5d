// `make disturbances`, beside `make faults`: what fails is the daemon, the way to it, the build, or the process of the step. Engines are
// killed and restarted, so these runs have engines of their own and go one after the other on each.
//
//   node .cache/faults/disturbances.js [--only text] [--engine text] [--cuts 0,0.5] [--kills 50] [--long]
//
// `--only` is a pattern for names (D10, SIGTERM), or a group: daemon, process. `--cuts` says at which parts of its bytes each
// connection to the daemon breaks, `--kills` how often a step is killed at a random moment; `--long` adds what takes minutes.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { type EngineKind, engineKinds } from '../test/support/engines.ts';
import { buildCells } from '../test/faults/cells/build-cells.ts';
import { cutCells } from '../test/faults/cells/cut-cells.ts';
import { daemonCells } from '../test/faults/cells/daemon-cells.ts';
import { dyingDaemonCells } from '../test/faults/cells/dying-daemon-cells.ts';
import { longPauseCells, processCells, randomKills } from '../test/faults/cells/process-cells.ts';
import { type Disturbance, usualEngines } from '../test/faults/disturbance.ts';
import { DisturbanceBench } from '../test/faults/run-disturbance.ts';
import { describeBad, type FaultResult, isGood, letterTable, totals } from './faults/report.ts';

const resultsFile = join(import.meta.dirname, 'disturbances.jsonl');

interface Choice {
  readonly only: string;
  readonly cuts: readonly number[];
  readonly kills: number;
  readonly long: boolean;
}

/** An undisturbed run comes first where the cells depend on how one looks. */
async function cellsFor(bench: DisturbanceBench, choice: Choice): Promise<readonly Disturbance[]> {
  const fixed = [
    ...daemonCells,
    ...dyingDaemonCells,
    ...buildCells,
    ...processCells,
    ...(choice.long ? longPauseCells : []),
  ];
  const mine = fixed.filter(({ engines = usualEngines }) => engines.includes(bench.kind));
  const undisturbed = choice.cuts.length === 0 ? [] : (await bench.run(nothing)).connections;
  const cuts = (['fin', 'rst', 'half-close'] as const).flatMap((how) =>
    cutCells(bench.kind, undisturbed, { shares: how === 'fin' ? choice.cuts : [0.5], how }),
  );
  const all = [...mine, ...cuts, ...randomKills(choice.kills, longestRunMs, Math.random)];
  return all.filter(({ id, group }) => group === choice.only || new RegExp(choice.only).test(id));
}

const nothing: Disturbance = { id: 'nothing', group: 'daemon', letters: ['survived'], exitCodes: [0] };
/** Random kills come within this time. */
const longestRunMs = 4_000;

async function runEngine(kind: EngineKind, choice: Choice, signal: AbortSignal): Promise<readonly FaultResult[]> {
  const bench = await DisturbanceBench.start(kind);
  const results: FaultResult[] = [];
  try {
    for (const cell of await cellsFor(bench, choice)) {
      if (signal.aborted) break;
      const result = await runCell(bench, cell);
      results.push(result);
      appendFileSync(resultsFile, `${JSON.stringify(isGood(result) ? { ...result, output: undefined } : result)}\n`);
      console.log(isGood(result) ? describeGood(result) : describeBad(result));
    }
  } finally {
    await bench.stop();
  }
  return results;
}

async function runCell(bench: DisturbanceBench, cell: Disturbance): Promise<FaultResult> {
  try {
    return { outcome: 'judged', ...(await bench.run(cell)) };
  } catch (error) {
    const text = error instanceof Error ? String(error.stack) : String(error);
    return { outcome: 'bench failed', fault: cell.id, driver: bench.kind, error: text };
  }
}

function describeGood(result: FaultResult): string {
  const end = result.outcome === 'judged' ? `${result.letter}, exit ${result.exitCode}, ${result.ms} ms` : '';
  return `${result.driver}: ${result.fault}: ${end}`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      engine: { type: 'string', default: '' },
      cuts: { type: 'string', default: '' },
      kills: { type: 'string', default: '0' },
      long: { type: 'boolean', default: false },
    },
  });
  const cuts = values.cuts === '' ? [] : values.cuts.split(',').map(Number);
  const choice = { only: values.only, cuts, kills: Number(values.kills), long: values.long };
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt.abort());
  mkdirSync(import.meta.dirname, { recursive: true });
  writeFileSync(resultsFile, '');
  const results: FaultResult[] = [];
  for (const kind of engineKinds.filter((each) => each.includes(values.engine))) {
    results.push(...(await runEngine(kind, choice, interrupt.signal)));
  }
  console.log(`\n${letterTable(results)}\n`);
  console.log(totals(results).join('\n'));
  console.log(`\nevery run, as JSON lines: ${relative(process.cwd(), resultsFile)}`);
  if (interrupt.signal.aborted || !results.every(isGood)) process.exitCode = 1;
}

await main();
