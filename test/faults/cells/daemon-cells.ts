// Rows D01 to D22 of the failure matrix in docs/reliability.md: the daemon is not there, not allowed, slow, dies, restarts, has no
// room, or says odd things. Rows that need a disk of their own are in shortage-cells.ts.
import { setTimeout as delay } from 'node:timers/promises';
import { type EngineKind, engineKinds } from '../../support/engines.ts';
import { type Disturbance, type DisturbedStep, runningBuild } from '../disturbance.ts';
import { connections, removeTemporaryNames } from './connections.ts';

const graphdrivers: readonly EngineKind[] = ['docker-26.1-graphdriver', 'docker-20.10'];
/** Of the usual image; its layer is a million bytes. */
const exportBytes = 1_000_000;
const daemonGone = { letters: ['clean'], exitCodes: [5] } as const;
const survived = { letters: ['survived'], exitCodes: [0] } as const;

/** A connection meets silence when this is done with it: the daemon has not heard of it. */
const held = { kind: 'stall', direction: 'toDaemon', afterBytes: 0 } as const;

const { inspect, exports, removal, grpc, session } = connections;

/** Waits for the rule, kills the daemon, and lets what was held go on to nobody. */
async function killWhenMet({ engine, daemonProxy }: DisturbedStep): Promise<void> {
  await daemonProxy.untilFired();
  engine.signal('SIGKILL');
  daemonProxy.release();
}

async function restartWhenMet(run: DisturbedStep): Promise<void> {
  await killWhenMet(run);
  await delay(300);
  await run.engine.revive();
}

const notThere: readonly Disturbance[] = [
  {
    id: 'D01 no socket',
    group: 'daemon',
    host: () => 'unix:///nowhere/docker.sock',
    settings: { daemon_retry_count: '1' },
    ...daemonGone,
    says: /no daemon after 1 s: unix:\/\/\/nowhere\/docker\.sock \(no such socket\)[^]*DRONE_RUNNER_VOLUMES[^]*DOCKER_HOST/,
  },
  {
    id: 'D02 a socket without a listener',
    group: 'daemon',
    // The file stays when the daemon is killed.
    host: (engine) => {
      engine.signal('SIGKILL');
      return engine.host;
    },
    settings: { daemon_retry_count: '1' },
    ...daemonGone,
    says: /no daemon after 1 s: .*a socket file without a listener/,
  },
  ...[1, 4, 14].map((seconds): Disturbance => ({
    id: `D03 a daemon that starts ${String(seconds)} s late`,
    group: 'daemon',
    host: (engine) => {
      engine.signal('SIGKILL');
      return engine.host;
    },
    settings: { daemon_retry_count: '25' },
    act: async ({ engine }) => {
      await delay(seconds * 1000);
      await engine.revive();
    },
    ...survived,
    // A step that begins later than the daemon need not wait.
    ...(seconds > 1 ? { says: /no daemon at .* yet; waiting up to 25 s/ } : {}),
  })),
  {
    id: 'D04 accepts and never answers',
    group: 'daemon',
    act: async ({ engine }) => engine.signal('SIGSTOP'),
    ...daemonGone,
    says: /accepted the connection and gave no answer within 30 s/,
  },
  {
    id: 'D04 answers the ping and nothing after it',
    group: 'daemon',
    daemon: [{ match: { request: /^GET \/version/ }, do: held }],
    ...daemonGone,
    says: /no answer within 30 s/,
  },
  {
    id: 'D04 does not answer /grpc',
    group: 'daemon',
    daemon: [{ match: { request: grpc }, do: held }],
    ...daemonGone,
    says: /no answer within 30 s/,
  },
];

const odd: readonly Disturbance[] = [
  ...[500, 404].map((status): Disturbance => ({
    id: `D06 /info answers ${String(status)}`,
    group: 'daemon',
    daemon: [{ match: { request: /^GET (\/v[\d.]+)?\/info/, times: Infinity }, do: { kind: 'answer', status } }],
    ...survived,
  })),
  {
    id: 'D07 an engine that is too old',
    group: 'daemon',
    daemon: [
      { match: { request: /_ping/, times: Infinity }, do: { kind: 'rewrite', headers: { 'Api-Version': '1.24' } } },
    ],
    ...daemonGone,
    says: /API 1\.24 .*1\.39/,
  },
  {
    id: 'D07 an API version that the engine does not speak',
    group: 'daemon',
    settings: { docker_api_version: '1.99' },
    ...daemonGone,
    says: /speaks API 1\.\d+ to 1\.\d+, and 1\.99 was asked for/,
  },
  ...[404, 501].map((status): Disturbance => ({
    id: `D08 /grpc answers ${String(status)}`,
    group: 'daemon',
    daemon: [{ match: { request: grpc, times: Infinity }, do: { kind: 'answer', status, body: '{"message":"gone"}' } }],
    ...daemonGone,
    says: /POST \/grpc: status \d+; no BuildKit behind this API/,
  })),
  {
    id: 'D08 /session answers 404',
    group: 'daemon',
    daemon: [{ match: { request: session, times: Infinity }, do: { kind: 'answer', status: 404 } }],
    ...daemonGone,
    says: /POST \/session: status 404/,
  },
  {
    id: 'D09 BuildKit is switched off',
    group: 'daemon',
    daemon: [
      { match: { request: /_ping/, times: Infinity }, do: { kind: 'rewrite', headers: { 'Builder-Version': '1' } } },
    ],
    ...daemonGone,
    says: /BuildKit switched off/,
  },
  {
    id: 'D20 TLS with a daemon that has none',
    group: 'daemon',
    listen: 'tcp',
    env: { DOCKER_TLS_VERIFY: '1' },
    ...daemonGone,
    says: /TLS|certificate/i,
  },
  {
    id: 'D20 ssh://',
    group: 'daemon',
    host: () => 'ssh://somewhere',
    letters: ['clean'],
    exitCodes: [2],
    says: /ssh:\/\/ is not supported/,
  },
  ...(['/_ping', '/version'] as const).map((path): Disturbance => ({
    id: `D21 another service answers ${path}`,
    group: 'daemon',
    daemon: [
      {
        match: { request: new RegExp(`^GET ${path}`), times: Infinity },
        do: { kind: 'answer', status: 200, headers: { 'Content-Type': 'text/html' }, body: '<html>It works!</html>' },
      },
    ],
    ...daemonGone,
    says: /is not a Docker Engine API/,
  })),
];

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
    act: async ({ engine, daemonProxy, step }) => {
      await daemonProxy.untilFired();
      await removeTemporaryNames(engine);
      daemonProxy.release();
      await step.result;
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
    act: async ({ engine, registryProxy }) => {
      while (registryProxy.fired().length === 0) await delay(10);
      engine.signal('SIGKILL');
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

const plain: readonly Disturbance[] = [
  { id: 'D22 nothing goes wrong', group: 'daemon', engines: engineKinds, ...survived },
  { id: 'D22 nothing goes wrong, over tcp', group: 'daemon', listen: 'tcp', ...survived },
  {
    id: 'D03 each answer is a second late',
    group: 'daemon',
    daemon: [{ match: { times: Infinity }, do: { kind: 'delay', ms: 1000 } }],
    ...survived,
  },
];

/** All rows that do not depend on how an undisturbed run looks. */
export const daemonCells: readonly Disturbance[] = [...notThere, ...odd, ...dying, ...deletion, ...plain];
