// However a step ends, the daemon's image list is what it was before, and no real name was ever written into it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureBlockIn } from '../support/evidence.ts';
import { EventRecorder, imageNamesIn, snapshotImages } from '../support/engine-observer.ts';
import { engineKinds } from '../support/engines.ts';
import { type RefusingProxy, startRefusingProxy } from '../support/refusing-proxy.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags } from '../support/skopeo.ts';
import { makeWorkspace } from '../support/workspace.ts';
import { publishBaseImage } from '../support/base-image.ts';

let registry: TestRegistry;
/** Takes blobs, refuses manifests: the registry changes its mind after the build. */
let refusing: RefusingProxy;
let base: string;

beforeAll(async () => {
  registry = await startRegistry({ auth: 'open' });
  refusing = await startRefusingProxy(registry.host, (method, path) =>
    method === 'PUT' && path.includes('/manifests/') ? 403 : undefined,
  );
  base = `${registry.host}/base:1`;
  await publishBaseImage({ reference: base });
});

afterAll(async () => {
  await refusing.stop();
  await registry.stop();
});

interface Ending {
  readonly name: string;
  readonly dockerfile: () => string;
  readonly settings: (kind: string) => PluginStep['settings'];
  readonly exitCodes: readonly number[];
  readonly says: RegExp;
  /** There is no registry to be asked afterwards. */
  readonly unreachable?: boolean;
}

const endings: readonly Ending[] = [
  {
    name: 'a RUN that fails',
    dockerfile: () => `FROM ${base}\nRUN echo about to fail\nRUN echo the reason; exit 7\n`,
    settings: (kind) => ({ repo: `${registry.host}/${kind}/failing`, tags: ['a', 'b'] }),
    exitCodes: [1],
    says: /error: .*(exit code: 7|RUN echo the reason)/,
  },
  {
    name: 'a base image that does not exist',
    dockerfile: () => `FROM ${registry.host}/no/such:image\n`,
    settings: (kind) => ({ repo: `${registry.host}/${kind}/baseless`, tags: 'a' }),
    exitCodes: [1],
    says: /error: .*no\/such:image/,
  },
  {
    name: 'a registry that refuses the manifest',
    dockerfile: () => `FROM ${base}\nRUN echo ${Date.now()} >/built\n`,
    settings: (kind) => ({ repo: `${refusing.host}/${kind}/refused`, tags: ['a', 'b'] }),
    exitCodes: [3, 4],
    says: /error: .*403/,
  },
  {
    name: 'a registry that is not there',
    dockerfile: () => `FROM ${base}\nRUN echo ${Date.now()} >/built\n`,
    settings: (kind) => ({ repo: `127.0.0.1:1/${kind}/nowhere`, tags: 'a', retries: 1 }),
    exitCodes: [4],
    says: /error: .*127\.0\.0\.1:1/,
    unreachable: true,
  },
  {
    name: 'a dry run',
    dockerfile: () => `FROM ${base}\nRUN echo dry >/built\n`,
    settings: (kind) => ({ repo: `${registry.host}/${kind}/dry`, tags: 'a', dry_run: true }),
    exitCodes: [0],
    says: /nothing was published|not published/,
  },
  {
    name: 'a dry run without a repository',
    dockerfile: () => `FROM ${base}\nRUN echo dry >/built\n`,
    settings: () => ({ dry_run: true }),
    exitCodes: [0],
    says: /nothing was published|not published/,
    unreachable: true,
  },
];

describe.each(engineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);

  it.each(endings)('is as it was after $name', async (ending) => {
    const before = await snapshotImages(engine);
    const events = await EventRecorder.start(engine);
    const settings = ending.settings(kind);
    const step = await runPlugin({
      cwd: makeWorkspace({ Dockerfile: ending.dockerfile() }),
      host: engine.host,
      settings,
    });
    const recorded = await events.stop();

    expectExit(step, ...ending.exitCodes);
    expect(step.output).toMatch(ending.says);
    expect(await snapshotImages(engine)).toEqual(before);
    expect(imageNamesIn(recorded).filter((name) => !name.startsWith('docker-build.invalid/'))).toEqual([]);
    const published = ending.unreachable ? [] : await listTags({ reference: String(settings['repo']) });
    expect(published).toEqual([]);
  });

  it('tells where a failing RUN stands and what it said', async () => {
    const Dockerfile = `FROM ${base}\nRUN echo fine\nRUN echo the last words; exit 7\n`;
    const settings = { repo: `${registry.host}/${kind}/failing`, tags: 'a' };
    const step = await runPlugin({ cwd: makeWorkspace({ Dockerfile }), host: engine.host, settings });
    expect(step.exitCode).toBe(1);
    const block = failureBlockIn(step.output);
    expect(block.length).toBeLessThanOrEqual(12);
    expect(block.join('\n')).toContain('the last words');
    expect(block.join('\n')).toContain('(Dockerfile line 3)');
  });
});
