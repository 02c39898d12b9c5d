// A selection of what `make disturbances` does to the daemon and to the process of the step; the lists are in test/faults/cells/.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dyingDaemonCells } from '../faults/cells/dying-daemon-cells.ts';
import { processCells } from '../faults/cells/process-cells.ts';
import { DisturbanceBench } from '../faults/run-disturbance.ts';

let bench: DisturbanceBench;

beforeAll(async () => {
  bench = await DisturbanceBench.start('docker-26.1-graphdriver');
});

afterAll(async () => {
  await bench.stop();
});

const cells = new Map([...dyingDaemonCells, ...processCells].map((cell) => [cell.id, cell]));

it.each([
  'D12 the name vanishes before its export',
  'D13 killed at 50 % of the export, and back',
  'D14 killed after publishing',
  'D19 delete answers 500 ×2',
  'SIGTERM at P7 pb 1 before',
  'SIGTERM at P9 pt 2 after',
  'SIGKILL at P9 pt 2 after',
  'log reader gone at P6 save stream',
  'uncaught exception at P6 save stream',
])('%s', async (id) => {
  const cell = cells.get(id);
  if (cell === undefined) throw new Error(`no cell is called ${id}`);
  const run = await bench.run(cell);
  expect({ reasons: run.reasons, log: run.reasons.length === 0 ? '' : run.output }).toEqual({ reasons: [], log: '' });
  expect(run.hits).toBeGreaterThan(0);
});
