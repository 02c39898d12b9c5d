// Rows B01 to B15 of the failure matrix in docs/reliability.md that a real engine can be brought to. B08 and B11 to B13 need
// odd files or an odd BuildKit: test/e2e/hard-contexts.test.ts, test/integration/buildkit/.
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type BuildMaterial,
  type Disturbance,
  type DisturbedStep,
  plainBuild,
  runningBuild,
  untilDaemonFired,
} from '../disturbance.ts';
import type { FaultRule } from '../rules.ts';
import { connections, pruneAll } from './connections.ts';

const buildFailed = { letters: ['clean'], exitCodes: [1] } as const;
const survived = { letters: ['survived'], exitCodes: [0] } as const;

function dockerfile(text: (material: BuildMaterial) => string | Buffer): NonNullable<Disturbance['files']> {
  return (material) => ({ ...plainBuild(material), Dockerfile: text(material) });
}

const oddDockerfiles: readonly Disturbance[] = [
  {
    id: 'B01 RUN exits 7',
    group: 'daemon',
    files: dockerfile(({ base }) => `FROM ${base}\nRUN echo fine\nRUN echo the last words; exit 7\n`),
    ...buildFailed,
    says: /error: .*RUN echo the last words.*\(Dockerfile line 3\): exit code 7[^]*the last words/,
  },
  {
    id: 'B02 syntax error',
    group: 'daemon',
    files: dockerfile(() => 'FROM scratch\nCOPPY a b\n'),
    ...buildFailed,
    says: /line 2/,
  },
  { id: 'B02 empty Dockerfile', group: 'daemon', files: dockerfile(() => ''), letters: ['clean'], exitCodes: [1, 2] },
  {
    id: 'B02 UTF-16',
    group: 'daemon',
    files: dockerfile(() => Buffer.from('\ufeffFROM scratch\n', 'utf16le')),
    letters: ['clean'],
    exitCodes: [1, 2],
  },
  {
    id: 'B02 10 MB of Dockerfile',
    group: 'daemon',
    files: dockerfile(() => `FROM scratch\n${'# comment\n'.repeat(1_000_000)}`),
    letters: ['clean'],
    exitCodes: [1, 2, 5],
  },
  {
    id: 'B02 byte order mark',
    group: 'daemon',
    files: dockerfile(({ label }) => `\ufeffFROM scratch\nLABEL ${label}\nCOPY layer.bin /\n`),
    ...survived,
  },
  {
    id: 'B05 frontend that does not exist',
    group: 'daemon',
    files: dockerfile(({ registry }) => `# syntax=${registry}/no/frontend:1\nFROM scratch\nCOPY layer.bin /\n`),
    ...buildFailed,
    says: /error: .*frontend .*\/no\/frontend:1/,
  },
  {
    id: 'B09 required secret that was not given',
    group: 'daemon',
    files: dockerfile(
      ({ base }) => `FROM ${base}\nRUN --mount=type=secret,id=nope,required=true cat /run/secrets/nope\n`,
    ),
    env: { PLUGIN_SECRETS_FROM_ENV: 'given=GIVEN', GIVEN: 'value-of-the-given-secret' },
    ...buildFailed,
    says: /requires the secret "nope"[^]*given/,
  },
  {
    id: 'B10 SSH key of no use',
    group: 'daemon',
    settings: { ssh_agent_key: 'no key at all' },
    letters: ['clean'],
    exitCodes: [2],
  },
];

/** A base behind the spoilt registry, whose manifest it does not give. */
function baseCell(name: string, rules: readonly FaultRule[], exitCode: number, says: RegExp): Disturbance {
  return {
    id: `B03 base ${name}`,
    group: 'daemon',
    registry: rules,
    files: dockerfile(({ registry }) => `FROM ${registry}/bases/app:1\nCOPY layer.bin /\n`),
    letters: ['clean'],
    exitCodes: [exitCode],
    says,
  };
}

function refuseBase(status: number): readonly FaultRule[] {
  return [{ match: { path: /\/bases\/app\//, times: Infinity }, do: { kind: 'answer', status } }];
}

const bases: readonly Disturbance[] = [
  baseCell('not found', [], 1, /image .*bases\/app:1: not found in the registry/),
  baseCell('denied', refuseBase(403), 3, /image .*bases\/app:1: the registry refused it/),
  baseCell('limited', refuseBase(429), 1, /image .*bases\/app:1: the registry limits pulls/),
  baseCell('unavailable', refuseBase(503), 1, /image .*bases\/app:1: the daemon could not get it/),
  {
    id: 'B04 base for other platforms only',
    group: 'daemon',
    files: dockerfile(({ registry }) => `FROM ${registry}/bases/two-platforms:1\nCOPY layer.bin /\n`),
    settings: { platform: 'linux/s390x' },
    ...buildFailed,
    says: /not available for the platform/,
  },
];

async function whenMet(run: DisturbedStep, act: () => Promise<void> | void): Promise<string | void> {
  const complaint = await untilDaemonFired(run);
  if (complaint !== undefined) return complaint;
  await act();
  run.daemonProxy.release();
}

/** Prunes over and over until the step ends. */
async function pruneMeanwhile({ step, engine }: DisturbedStep): Promise<void> {
  const over = new AbortController();
  void step.result.then(() => over.abort());
  while (!over.signal.aborted) {
    await pruneAll(engine);
    await delay(50);
  }
}

const meanwhile: readonly Disturbance[] = [
  {
    id: 'B06 session lost while the context is sent',
    group: 'daemon',
    daemon: [
      { match: { request: connections.session }, do: { kind: 'cut', direction: 'toDaemon', afterBytes: 100_000 } },
    ],
    ...survived,
  },
  {
    id: 'B06 session lost in a RUN',
    group: 'daemon',
    files: runningBuild,
    act: async ({ step, daemonProxy }) => {
      await step.untilOutput('has begun');
      daemonProxy.hangUp(connections.session);
    },
    ...survived,
  },
  {
    id: 'B07 file becomes shorter while it is sent',
    group: 'daemon',
    // Far more than all buffers on the way take.
    files: (material) => ({ ...plainBuild(material), 'layer.bin': Buffer.alloc(64_000_000, material.content) }),
    daemon: [
      { match: { request: connections.session }, do: { kind: 'stall', direction: 'toDaemon', afterBytes: 20_000 } },
    ],
    act: (run) => whenMet(run, () => truncateSync(join(run.workspace, 'layer.bin'), 63_000_000)),
    ...buildFailed,
    says: /error: .*layer\.bin/,
  },
  {
    id: 'B15 everything is pruned between build and export',
    group: 'daemon',
    engines: ['docker-26.1-graphdriver', 'docker-20.10'],
    daemon: [{ match: { request: connections.inspect }, do: { kind: 'stall', direction: 'toDaemon', afterBytes: 0 } }],
    act: (run) => whenMet(run, () => pruneAll(run.engine)),
    ...survived,
    says: /has vanished from the daemon: it is built again/,
  },
  {
    id: 'B15 everything is pruned all the time',
    group: 'daemon',
    files: runningBuild,
    act: pruneMeanwhile,
    letters: ['survived', 'clean'],
    exitCodes: [0, 5],
  },
];

/** All of them. */
export const buildCells: readonly Disturbance[] = [...oddDockerfiles, ...bases, ...meanwhile];
