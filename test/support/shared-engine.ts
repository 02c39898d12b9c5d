// The engines that start-engines.ts has running for all e2e files. They are shared: a test leaves its engine as it found it,
// uses names of its own, and never prunes.
import { inject } from 'vitest';
import type { EngineAddress, EngineKind } from './engines.ts';
import './start-engines.ts';

/** One of the running engines of this test run. */
export function sharedEngine(kind: EngineKind): EngineAddress {
  // Workers are counted from 1, and no two of a number run at once.
  const worker = Number(process.env['VITEST_POOL_ID'] ?? '1');
  const engine = inject('engines')[worker - 1]?.find((candidate) => candidate.kind === kind);
  if (engine === undefined) throw new Error(`${kind} is not running: is this test in the e2e project?`);
  return engine;
}
