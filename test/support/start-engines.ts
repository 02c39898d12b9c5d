// Global set-up of the e2e project: the three engines are started once, side by side, for all test files. Each file asks for
// them with `sharedEngine`. An engine that a test wants to break or configure is started by that test with startEngine.
import type { TestProject } from 'vitest/node';
import { type EngineAddress, engineKinds, startEngine } from './engines.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    engines: readonly EngineAddress[];
  }
}

/** Called by vitest before the first e2e file; what it returns is called after the last. */
export default async function startEngines(project: TestProject): Promise<() => Promise<void>> {
  const started = await Promise.allSettled(engineKinds.map((kind) => startEngine(kind)));
  const engines = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const stopAll = async (): Promise<void> => {
    await Promise.all(engines.map((engine) => engine.stop()));
  };
  const failed = started.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await stopAll();
    throw failed.reason;
  }
  // Only data reaches the test files: functions cannot be passed on.
  project.provide('engines', JSON.parse(JSON.stringify(engines)) as EngineAddress[]);
  return stopAll;
}
