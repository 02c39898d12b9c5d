// Rows of the process in the failure matrix of docs/reliability.md: signals at each phase of a run, a log reader that goes
// away, a time limit, a bug. A phase is found by what it asks of the daemon or the registry: that is held, the signal comes,
// and then it may go on.
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineKind } from '../../support/engines.ts';
import type { ByteFault } from '../byte-proxy.ts';
import {
  type Disturbance,
  type DisturbedStep,
  runningBuild,
  untilDaemonFired,
  untilRegistryFired,
} from '../disturbance.ts';
import type { FaultRule, Step } from '../rules.ts';
import { connections } from './connections.ts';

/** A point of a run at which it is disturbed. */
interface Moment extends Pick<Disturbance, 'engines' | 'daemon' | 'registry' | 'files'> {
  readonly phase: string;
  /** Resolves when a run is there. @returns a complaint when it ends before */
  readonly until: (run: DisturbedStep) => Promise<string | void>;
  /** Tags may have moved by then. */
  readonly isTagging?: true;
}

const graphdriver: readonly EngineKind[] = ['docker-26.1-graphdriver', 'docker-20.10'];
const contextBytes = 500_000;

function atDaemon(
  phase: string,
  request: RegExp,
  more: { nth?: number; engines?: readonly EngineKind[]; do?: ByteFault } = {},
): Moment {
  const { nth = 1, engines, do: fault = { kind: 'stall', direction: 'toDaemon', afterBytes: 0 } } = more;
  return {
    phase,
    daemon: [{ match: { request, nth }, do: fault }],
    until: untilDaemonFired,
    ...(engines === undefined ? {} : { engines }),
  };
}

function atRegistry(phase: string, step: Step, when: 'before' | 'after', nth = 1): Moment {
  const rule: FaultRule = { match: { step, nth }, do: { kind: 'hang', when } };
  return {
    phase: `${phase} ${step} ${String(nth)} ${when}`,
    registry: [rule],
    until: untilRegistryFired,
    ...(step === 'pt' || step === 'ht' ? { isTagging: true } : {}),
  };
}

const inRun: Moment = { phase: 'P4 RUN', files: runningBuild, until: ({ step }) => step.untilOutput('has begun') };

/** Three tags are published: the second is in the middle. */
const tags = ['1', '1.2', 'latest'];

const moments: readonly Moment[] = [
  atDaemon('P1 ping', connections.ping),
  atDaemon('P1 version', connections.version),
  atDaemon('P1 workers', connections.grpc),
  atRegistry('P2', 'pg', 'before'),
  atRegistry('P2', 'po', 'before'),
  atDaemon('P3 session', connections.session),
  atDaemon('P3 context', connections.session, {
    do: { kind: 'stall', direction: 'toDaemon', afterBytes: contextBytes },
  }),
  atDaemon('P3 solve', connections.grpc, { nth: 3 }),
  inRun,
  { phase: 'P5 export', until: ({ step }) => step.untilOutput('exporting') },
  atDaemon('P6 inspect', connections.inspect, { engines: graphdriver }),
  atDaemon('P6 save stream', connections.exports, {
    engines: graphdriver,
    do: { kind: 'stall', direction: 'fromDaemon', afterBytes: contextBytes },
  }),
  // The first upload is the one that asks for the right to push.
  atRegistry('P7', 'po', 'after', 2),
  atRegistry('P7', 'pb', 'before'),
  atRegistry('P7', 'pb', 'after'),
  atRegistry('P8', 'pm', 'before'),
  atRegistry('P8', 'pm', 'after'),
  ...[1, 2, 3].flatMap((nth) => [atRegistry('P9', 'pt', 'before', nth), atRegistry('P9', 'pt', 'after', nth)]),
  atRegistry('P10', 'ht', 'before'),
  atRegistry('P10', 'ht', 'before', 3),
  atDaemon('P11 removal', connections.removal, { engines: graphdriver }),
];

/** Its `act` begins when the run is there. */
function cellAt(moment: Moment, id: string, cell: Omit<Disturbance, 'id' | 'group'>): Disturbance {
  const { engines, daemon, registry, files, phase } = moment;
  const { act, ...more } = cell;
  return {
    id: `${id} at ${phase}`,
    group: 'process',
    tags,
    ...(engines === undefined ? {} : { engines }),
    ...(daemon === undefined ? {} : { daemon }),
    ...(registry === undefined ? {} : { registry }),
    ...(files === undefined ? {} : { files }),
    ...more,
    ...(act === undefined ? {} : { act: async (run) => (await moment.until(run)) ?? (await act(run)) }),
  };
}

/**
 * Signals that end a run in order. What had been published by then stays published, and a run that was cleaning up ends as it
 * would have ended.
 */
function stopCells(signal: 'SIGTERM' | 'SIGINT', exitCode: number): readonly Disturbance[] {
  return moments.map((moment) =>
    cellAt(moment, signal, {
      act: async (run) => {
        run.step.process.kill(signal);
        if (isCleaning(moment)) run.daemonProxy.release();
        return endsWithin(run, moment.isTagging ? 20_000 : 6_000);
      },
      letters: isCleaning(moment) ? ['survived'] : ['clean'],
      exitCodes: isCleaning(moment) ? [0] : [exitCode, ...(moment.isTagging ? [8] : [])],
    }),
  );
}

function isCleaning({ phase }: Moment): boolean {
  return phase.startsWith('P11');
}

/** The machine of the test may be busy: the limits are twice what is promised. */
async function endsWithin({ step }: DisturbedStep, limitMs: number): Promise<string | void> {
  const signalled = performance.now();
  await step.result;
  const ms = performance.now() - signalled;
  return ms > limitMs ? `ended ${String(Math.round(ms))} ms after the signal` : undefined;
}

const killCells = moments.map((moment) =>
  cellAt(moment, 'SIGKILL', {
    act: async (run) => {
      run.step.process.kill('SIGKILL');
      run.daemonProxy.release();
    },
    letters: ['clean'],
    exitCodes: [],
    isKilled: true,
  }),
);

/** A log reader that went away, and a signal that says so, end nothing. */
const ignoredCells = moments.flatMap((moment) => [
  ...(['SIGHUP', 'SIGPIPE'] as const).map((signal) =>
    cellAt(moment, signal, {
      act: async (run) => {
        run.step.process.kill(signal);
        await delay(100);
        run.daemonProxy.release();
      },
      letters: ['survived'],
      exitCodes: [0],
    }),
  ),
  cellAt(moment, 'log reader gone', {
    act: async (run) => {
      run.step.process.stdout?.destroy();
      run.step.process.stderr?.destroy();
      run.step.process.kill('SIGHUP');
      run.daemonProxy.release();
    },
    letters: ['survived'],
    exitCodes: [0],
    isLogLost: true,
  }),
]);

/** @param seconds how long nothing of the process runs */
function pauseCells(seconds: number, at: readonly Moment[]): readonly Disturbance[] {
  return at.map((moment) =>
    cellAt(moment, `SIGSTOP for ${String(seconds)} s`, {
      act: async (run) => {
        run.step.process.kill('SIGSTOP');
        run.daemonProxy.release();
        await delay(seconds * 1000);
        run.step.process.kill('SIGCONT');
      },
      letters: ['survived'],
      exitCodes: [0],
      limitMs: 75_000 + seconds * 1000,
    }),
  );
}

/** The step's own limit ends it as a signal does. */
const limitCells = moments
  .filter((moment) => moment.daemon !== undefined && !isCleaning(moment))
  .map((moment) =>
    cellAt(moment, 'time limit', {
      settings: { timeout: '8s' },
      letters: ['clean'],
      exitCodes: [6],
      says: /settings\.timeout: the limit of 8/,
    }),
  );

/** Whoever signals twice does not want to wait. */
const impatientCells = moments
  .filter(({ phase }) => /^P[134] /.test(phase))
  .map((moment) =>
    cellAt(moment, 'SIGTERM twice', {
      act: async (run) => {
        run.step.process.kill('SIGTERM');
        run.step.process.kill('SIGTERM');
      },
      letters: ['clean', 'dirty'],
      exitCodes: [143],
      isEndedAtOnce: true,
    }),
  );

/** Loaded into the step's process, where SIGUSR2 is a bug from then on. */
const bugs = {
  'uncaught exception': "process.on('SIGUSR2', () => { throw new Error('planted'); });",
  'unhandled rejection': "process.on('SIGUSR2', () => void Promise.reject(new Error('planted')));",
} as const;

const bugCells = Object.entries(bugs).flatMap(([name, program]) =>
  moments
    .filter((moment) => !isCleaning(moment))
    .map((moment) =>
      cellAt(moment, name, {
        env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(program)}` },
        act: async (run) => {
          run.step.process.kill('SIGUSR2');
        },
        letters: ['clean'],
        exitCodes: moment.isTagging ? [8, 70] : [70],
      }),
    ),
);

/** Cells of a process that is killed at any moment whatever. */
export function randomKills(count: number, longestMs: number, random: () => number): readonly Disturbance[] {
  return Array.from({ length: count }, (_, index) => {
    const afterMs = Math.floor(random() * longestMs);
    return {
      id: `SIGKILL after ${String(afterMs)} ms (${String(index + 1)})`,
      group: 'process',
      tags,
      act: async ({ step }) => {
        await delay(afterMs);
        step.process.kill('SIGKILL');
      },
      letters: ['clean', 'survived'],
      exitCodes: [0],
      isKilled: true,
    };
  });
}

/** All but the random ones, and those that take minutes. */
export const processCells: readonly Disturbance[] = [
  ...stopCells('SIGTERM', 143),
  ...stopCells('SIGINT', 130),
  ...killCells,
  ...ignoredCells,
  ...pauseCells(3, moments),
  ...limitCells,
  ...impatientCells,
  ...bugCells,
];

/** A minute of silence: the daemon has given the session up by then. */
export const longPauseCells: readonly Disturbance[] = pauseCells(
  60,
  moments.filter(({ phase }) => ['P3 context', 'P4 RUN', 'P6 save stream', 'P7 pb 1 before'].includes(phase)),
);
