// Rows D11 to D14 and D19 of the failure matrix in docs/reliability.md: the daemon dies, restarts or loses the image while a step
// builds, takes the image out, publishes or cleans up. D10 is in cut-cells.ts.
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineKind } from '../../support/engines.ts';
import {
  type Disturbance,
  type DisturbedStep,
  runningBuild,
  untilDaemonFired,
  untilRegistryFired,
} from '../disturbance.ts';
import { connections, removeTemporaryNames } from './connections.ts';

const graphdrivers: readonly EngineKind[] = ['docker-26.1-graphdriver', 'docker-20.10'];
/** Of the usual image; its layer is a million bytes. */
const exportBytes = 1_000_000;
const daemonGone = { letters: ['clean'], exitCodes: [5] } as const;
const survived = { letters: ['survived'], exitCodes: [0] } as const;
const { inspect, exports, removal, session } = connections;

/** A connection meets silence when this is done with it: the daemon has not heard of it. */
const held = { kind: 'stall', direction: 'toDaemon', afterBytes: 0 } as const;

/** Waits for the rule, kills the daemon, and lets what was held go on to nobody. */
async function killWhenMet(run: DisturbedStep): Promise<string | void> {
  const complaint = await untilDaemonFired(run);
  if (complaint !== undefined) return complaint;
  run.engine.signal('SIGKILL');
  run.daemonProxy.release();
}

async function restartWhenMet(run: DisturbedStep): Promise<string | void> {
  const complaint = await killWhenMet(run);
  if (complaint !== undefined) return complaint;
  await delay(300);
  await run.engine.revive();
}

const dying: readonly Disturbance[] = [
  {
    id: 'D11 killed in a RUN',
    group: 'daemon',
    files: runningBuild,
    settings: { daemon_retry_count: '1' },
    act: async ({ step, engine }) => {
      await step.untilOutput('has begun');
      engine.signal('SIGKILL');
    },
    ...daemonGone,
    mayLeaveName: true,
  },
  {
    id: 'D11 killed in a RUN, and back',
    group: 'daemon',
    files: runningBuild,
    settings: { daemon_retry_count: '20' },
    act: async ({ step, engine }) => {
      await step.untilOutput('has begun');
      engine.signal('SIGKILL');
      await delay(300);
      await engine.revive();
    },
    letters: ['survived', 'clean'],
    exitCodes: [0, 5],
  },
  {
    id: 'D11 killed while the context is sent, and back',
    group: 'daemon',
    daemon: [{ match: { request: session }, do: { kind: 'stall', direction: 'toDaemon', afterBytes: 100_000 } }],
    settings: { daemon_retry_count: '20' },
    act: restartWhenMet,
    letters: ['survived', 'clean'],
    exitCodes: [0, 5],
  },
  ...([inspect, exports] as const).map((request): Disturbance => ({
    id: `D12 restart before ${request === inspect ? 'the image is looked at' : 'its export'}`,
    group: 'daemon',
    engines: graphdrivers,
    daemon: [{ match: { request }, do: held }],
    settings: { daemon_retry_count: '20' },
    act: restartWhenMet,
    ...survived,
  })),
  ...([inspect, exports] as const).map((request): Disturbance => ({
    id: `D12 the name vanishes before ${request === inspect ? 'the image is looked at' : 'its export'}`,
    group: 'daemon',
    engines: graphdrivers,
    daemon: [{ match: { request }, do: held }],
    act: async (run): Promise<string | void> => {
      const complaint = await untilDaemonFired(run);
      if (complaint !== undefined) return complaint;
      await removeTemporaryNames(run.engine);
      run.daemonProxy.release();
      await run.step.result;
    },
    ...survived,
    says: /has vanished from the daemon: it is built again/,
  })),
  ...[0.05, 0.5, 0.95].map((share): Disturbance => ({
    id: `D13 killed at ${String(share * 100)} % of the export, and back`,
    group: 'daemon',
    engines: graphdrivers,
    daemon: [
      { match: { request: exports }, do: { kind: 'stall', direction: 'fromDaemon', afterBytes: exportBytes * share } },
    ],
    settings: { daemon_retry_count: '20' },
    act: restartWhenMet,
    ...survived,
    // At its end everything that is needed has arrived.
    ...(share < 0.9 ? { says: /daemon, image export: connection lost/ } : {}),
  })),
  {
    id: 'D13 killed in the export, and never back',
    group: 'daemon',
    engines: graphdrivers,
    daemon: [
      { match: { request: exports }, do: { kind: 'stall', direction: 'fromDaemon', afterBytes: exportBytes / 2 } },
    ],
    settings: { daemon_retry_count: '1' },
    act: killWhenMet,
    ...daemonGone,
    mayLeaveName: true,
    says: /no daemon after 1 s/,
  },
  {
    id: 'D13 silent in the export',
    group: 'daemon',
    engines: graphdrivers,
    daemon: [
      { match: { request: exports }, do: { kind: 'stall', direction: 'fromDaemon', afterBytes: exportBytes / 2 } },
    ],
    limitMs: 120_000,
    ...survived,
    says: /no byte came for 60 s/,
  },
  {
    id: 'D14 killed after publishing',
    group: 'daemon',
    engines: graphdrivers,
    daemon: [{ match: { request: removal }, do: held }],
    act: killWhenMet,
    ...survived,
    mayLeaveName: true,
    says: /warning: docker-build\.invalid\/\S+ is left on the daemon/,
  },
  {
    id: 'D14 restart after publishing',
    group: 'daemon',
    engines: graphdrivers,
    daemon: [{ match: { request: removal }, do: held }],
    act: restartWhenMet,
    ...survived,
  },
  {
    id: 'D14 killed while the tags move',
    group: 'daemon',
    registry: [{ match: { step: 'pt' }, do: { kind: 'delay', ms: 1500 } }],
    act: async (run): Promise<string | void> => {
      const complaint = await untilRegistryFired(run);
      if (complaint !== undefined) return complaint;
      run.engine.signal('SIGKILL');
    },
    ...survived,
    mayLeaveName: true,
  },
];

const deletion: readonly Disturbance[] = [
  { status: 404, times: 1, left: true },
  { status: 409, times: 1 },
  { status: 500, times: 2 },
  { status: 409, times: Infinity, left: true },
  { status: 500, times: Infinity, left: true },
].map(({ status, times, left }): Disturbance => ({
  id: `D19 delete answers ${String(status)} ${times === Infinity ? 'for ever' : `×${String(times)}`}`,
  group: 'daemon',
  engines: graphdrivers,
  daemon: [
    { match: { request: removal, times }, do: { kind: 'answer', status, body: '{"message":"refused by the test"}' } },
  ],
  // What the daemon calls gone is gone: the name that the proxy hides cannot be told.
  act: async ({ step, engine }) => {
    await step.result;
    if (status === 404) await removeTemporaryNames(engine);
  },
  ...survived,
  ...(left === true ? { mayLeaveName: true } : {}),
  ...(times === Infinity ? { says: /warning: docker-build\.invalid\/\S+ is left on the daemon/ } : {}),
}));

/** All of these. */
export const dyingDaemonCells: readonly Disturbance[] = [...dying, ...deletion];
