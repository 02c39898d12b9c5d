// A step that is stopped while the daemon works for it: the work ends, nothing stays, and the exit code says how it ended.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistryWithBase } from '../support/base-image.ts';
import { snapshotImages } from '../support/engine-observer.ts';
import { engineKinds } from '../support/engines.ts';
import { untilRunning } from '../support/processes.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, startPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags } from '../support/skopeo.ts';
import { makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
});

afterAll(async () => {
  await registry.stop();
});

describe.each(engineKinds.map((kind, index) => ({ kind, seconds: `${4711 + index}` })))(
  '$kind',
  ({ kind, seconds }) => {
    const engine = sharedEngine(kind);

    it.each([
      { signal: 'SIGTERM', exitCode: 143 },
      { signal: 'SIGINT', exitCode: 130 },
    ] as const)('ends a RUN on $signal and exits $exitCode within 3 s', async ({ signal, exitCode }) => {
      const before = await snapshotImages(engine);
      const repo = `${registry.host}/${kind}/stopped`;
      const Dockerfile = `FROM ${base}\nRUN echo has begun; sleep ${seconds}\n`;
      const cwd = makeWorkspace({ Dockerfile });
      const step = startPlugin({ cwd, host: engine.host, settings: { repo, tags: '1', no_cache: true } });
      await step.untilOutput('has begun');
      expect(await untilRunning(seconds, true, 5_000)).toBe(true);

      const stopped = performance.now();
      step.process.kill(signal);
      const result = await step.result;
      expectExit(result, exitCode);
      expect(performance.now() - stopped).toBeLessThan(3_000);
      expect(await untilRunning(seconds, false, 3_000)).toBe(true);
      expect(await snapshotImages(engine)).toEqual(before);
      expect(await listTags({ reference: repo })).toEqual([]);
    });

    it('leaves nothing that a killed step could go on with', async () => {
      const before = await snapshotImages(engine);
      const Dockerfile = `FROM ${base}\nRUN echo has begun; sleep ${seconds}\n`;
      const settings = { repo: `${registry.host}/${kind}/killed`, tags: '1', no_cache: true };
      const step = startPlugin({ cwd: makeWorkspace({ Dockerfile }), host: engine.host, settings });
      await step.untilOutput('has begun');
      expect(await untilRunning(seconds, true, 5_000)).toBe(true);
      step.process.kill('SIGKILL');
      await step.result;
      expect(await untilRunning(seconds, false, 3_000)).toBe(true);
      expect(await snapshotImages(engine)).toEqual(before);
    });
  },
);
