// Rows D01 to D09 and D20 to D22 of the failure matrix in docs/reliability.md: the daemon is not there, slow, silent, or says odd
// things. D05 needs another user: test/e2e/daemon-trouble.test.ts. Nothing asks for `/info`, so there is no D06.
import { setTimeout as delay } from 'node:timers/promises';
import { engineKinds } from '../../support/engines.ts';
import type { Disturbance } from '../disturbance.ts';
import { connections } from './connections.ts';

const daemonGone = { letters: ['clean'], exitCodes: [5] } as const;
const survived = { letters: ['survived'], exitCodes: [0] } as const;

/** A connection meets silence when this is done with it: the daemon has not heard of it. */
const held = { kind: 'stall', direction: 'toDaemon', afterBytes: 0 } as const;

const { grpc, session } = connections;

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

/** All of these. */
export const daemonCells: readonly Disturbance[] = [...notThere, ...odd, ...plain];
