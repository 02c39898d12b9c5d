// What a run makes of builds that are repeated: what it shows of them, and what it believes of what they leave.
import { expect, it, onTestFinished } from 'vitest';
import { defaultRetryLimits, Retrier, systemClock } from '../../../src/base/retry.ts';
import { Ledger } from '../../../src/base/ledger.ts';
import type { PreparedBuild } from '../../../src/build/build-image.ts';
import { usualSandbox } from '../../../src/build/sandbox-attrs.ts';
import { SolveResponseSchema, StatusResponseSchema } from '../../../src/buildkit/gen/build_control_pb.js';
import type { StatusUpdate } from '../../../src/buildkit/status.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import type { Daemon } from '../../../src/run/connect-daemon.ts';
import type { Registries } from '../../../src/run/open-registries.ts';
import { Solver } from '../../../src/run/solve-image.ts';
import type { Tools } from '../../../src/run/tools.ts';
import { ScriptedDaemon, type ScriptedCall } from './scripted-daemon.ts';

const name = 'docker-build.invalid/app:1-2';
const first = `sha256:${'a'.repeat(64)}`;
const second = `sha256:${'b'.repeat(64)}`;
const silent = { info: () => undefined, warn: () => undefined, debug: () => undefined };
const noExporters = (): Promise<[]> => Promise.resolve([]);

const builds =
  (digest: string) =>
  (call: ScriptedCall): void => {
    call.send(SolveResponseSchema, { ExporterResponse: { 'containerimage.digest': digest } });
    call.end(0);
  };
const fails =
  (message: string) =>
  (call: ScriptedCall): void =>
    call.end(2, message);
const prunedAway = fails(
  'failed to copy: httpReadSeeker: failed open: could not fetch content descriptor sha256:5e (application/vnd.oci.image.layer.v1.tar) from remote: not found',
);
const pushFailed = fails('failed to push r.example/app: unexpected status: 503 Service Unavailable');
const hangsUp = (call: ScriptedCall): void => call.stream.session?.destroy();
const noHistory = (call: ScriptedCall): void => call.end(12, 'unknown method');

const order = {
  source: { kind: 'remote', url: 'https://git.example/app.git' },
  dockerfileName: 'Dockerfile',
  namedContexts: new Map(),
  platforms: [],
  buildArgs: new Map(),
  labels: new Map(),
  cacheFrom: [],
  cacheTo: [],
  attestations: [],
  addHosts: [],
  exporterAttrs: {},
  annotations: [],
  secrets: new Map(),
  ssh: [],
  sandbox: usualSandbox,
  pull: false,
  noCache: false,
};

type Solve = (call: ScriptedCall) => void;

/** @param solves what the daemon does with each solve; the progress of each names its number */
function scripted(solves: readonly Solve[]): ScriptedDaemon {
  let solved = 0;
  let told = 0;
  let status: ScriptedCall | undefined;
  const daemon = new ScriptedDaemon({
    Solve: (call) => {
      const solve = solves[solved++];
      solve?.(call);
      if (solve === hangsUp) status?.stream.session?.destroy();
      else status?.end(0);
    },
    Status: (call) => {
      told += 1;
      const vertex = { digest: first, name: `exporting to try ${String(told)}`, started: { seconds: 1n, nanos: 0 } };
      call.send(StatusResponseSchema, { vertexes: [vertex] });
      status = call;
    },
    UpdateBuildHistory: noHistory,
    ListenBuildHistory: noHistory,
  });
  onTestFinished(() => daemon.finish());
  return daemon;
}

function solver(solves: readonly Solve[], output: Partial<Plan['output']> = {}) {
  const daemon = scripted(solves);
  const seen: string[] = [];
  const progress = {
    update: ({ vertexes }: StatusUpdate) => void seen.push(...vertexes.map((vertex) => vertex.name)),
    end: () => undefined,
  };
  const plan = {
    build: { keepsTemporaryImage: false },
    upload: { requestTimeoutMs: 120_000, pushVia: 'auto' },
    output: { files: [], load: false, ...output },
    report: { rawProgress: false, places: new Map() },
  } as unknown as Plan;
  const prepared = { order, capabilities: [], dockerfileText: '', keepCaches: () => Promise.resolve() };
  const engine = { untilBack: () => Promise.resolve() };
  const retrier = new Retrier(defaultRetryLimits, { ...systemClock, sleep: async () => undefined }, silent);
  const world = { signal: new AbortController().signal, monotonicMs: () => 0 };
  return {
    seen,
    solver: new Solver(
      plan,
      prepared as unknown as PreparedBuild,
      { engine, builder: { dial: daemon.dial, imageStore: 'graphdriver' }, order } as unknown as Daemon,
      { retrier, targets: [] } as unknown as Registries,
      { world, log: silent, ledger: new Ledger(), progress } as unknown as Tools,
    ),
  };
}

async function rebuilt(digests: readonly [string, string], output: Partial<Plan['output']>): Promise<unknown> {
  const image = await solver(digests.map(builds), output).solver.build({ kind: 'temporary-image', name }, noExporters);
  if (image.kind !== 'stored') throw new Error(`a build left ${image.kind}`);
  return image.rebuild?.(new AbortController().signal).catch((error: unknown) => error);
}

it('an image that is built again may be another one, unless the first one was written or kept', async () => {
  expect(await rebuilt([first, second], {})).toBe(second);
  expect(await rebuilt([first, first], { load: true })).toBe(first);
  expect(await rebuilt([first, second], { load: true })).toMatchObject({
    code: 'image-changed',
    exitCode: 5,
    hint: 'run the step again',
  });
});

it('shows a build again that lost its cache, and not one that could not push', async () => {
  const output = { kind: 'temporary-image', name } as const;
  const lost = solver([prunedAway, builds(first)]);
  await lost.solver.build(output, noExporters);
  expect(lost.seen).toEqual(['exporting to try 1', 'exporting to try 2']);
  const pushed = solver([pushFailed, builds(first)]);
  await pushed.solver.build(output, noExporters);
  expect(pushed.seen).toEqual(['exporting to try 1']);
});

it('knows that a name may still come while the end of a build is not known', async () => {
  const output = { kind: 'temporary-image', name } as const;
  const known = solver([prunedAway, builds(first)]).solver;
  await known.build(output, noExporters);
  expect(known.mayStillExport).toBe(false);
  const lost = solver([hangsUp, builds(first)]).solver;
  await lost.build(output, noExporters);
  expect(lost.mayStillExport).toBe(true);
});
