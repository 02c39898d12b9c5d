// Global set-up of the e2e project: each of vitest's workers gets three engines of its own, which are started once for all of
// its test files; a file has them to itself. It asks for them with `sharedEngine`. An engine that a test wants to break or
// configure is started by that test with startEngine.
import type { TestProject } from 'vitest/node';
import { type EngineAddress, engineKinds, startEngine } from './engines.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** For each worker, its engines. */
    engines: readonly (readonly EngineAddress[])[];
  }
}

/** Called by vitest before the first e2e file; what it returns is called after the last. */
export default async function startEngines(project: TestProject): Promise<() => Promise<void>> {
  const wanted = Array.from({ length: project.vitest.config.maxWorkers }, () => engineKinds).flat();
  const started = await Promise.allSettled(wanted.map((kind) => startEngine(kind)));
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
  const addresses = JSON.parse(JSON.stringify(engines)) as EngineAddress[];
  const sets = engines.length / engineKinds.length;
  project.provide(
    'engines',
    Array.from({ length: sets }, (_, set) => addresses.slice(set * engineKinds.length, (set + 1) * engineKinds.length)),
  );
  return stopAll;
}
