// Runs one build: session first, then progress, then the solve, each on a connection of its own. Only the daemon's answer
// to the solve is the result; progress is for display. moby/buildkit client/solve.go describes the same dance.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Log } from '../base/log.ts';
import { ControlClient } from './control-client.ts';
import type { Dial } from './dial.ts';
import { HistoryWatch } from './history-watch.ts';
import type { SolveRequestSchema } from './gen/build_control_pb.js';
import { CallError } from './grpc-connection.ts';
import type { SessionCapability } from './session/capability.ts';
import { healthCapability } from './session/health.ts';
import { Session } from './session/session.ts';
import { explainSolveFailure } from './solve-error.ts';
import { isCacheImport, type StatusUpdate, type VertexState } from './status.ts';

/** An exporter or a cache, as BuildKit wants it. */
export interface TypedAttrs {
  readonly type: string;
  readonly attrs: Readonly<Record<string, string>>;
}

export interface SolveOptions {
  readonly dial: Dial;
  readonly log: Log;
  /** Aborting stops the running step in the daemon; `solve` then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  readonly frontend: 'dockerfile.v0' | 'gateway.v0';
  readonly frontendAttrs: Readonly<Record<string, string>>;
  /**
   * None: the result stays in the build cache. Engines before 26 heed the last one only, and where several answer, the
   * last one's answer counts.
   */
  readonly exporters: readonly TypedAttrs[];
  readonly cacheImports: readonly TypedAttrs[];
  readonly cacheExports: readonly TypedAttrs[];
  readonly entitlements: readonly string[];
  /** Stable per project: under it the daemon keeps the last copy of the context. */
  readonly sharedKey: string;
  /** What the session offers; health is added. */
  readonly capabilities: readonly SessionCapability[];
  /** Lets a failure be placed on engines that do not say which line failed. */
  readonly dockerfile?: { readonly filename: string; readonly text: string };
  /** Called in order, never after `solve` has settled. */
  readonly onStatus: (status: StatusUpdate) => void;
  /** Called when the daemon itself has told the end of the build: nothing that it exports appears after this. */
  readonly onEnded?: () => void;
}

export interface SolveResult {
  /** Under this name the daemon knew the build. */
  readonly ref: string;
  /** What the exporters answered, e.g. `containerimage.digest`. */
  readonly exporterResponse: Readonly<Record<string, string>>;
}

/** How long to wait for what should come at once. */
export interface SolveTimes {
  readonly pingIntervalMs: number;
  /** The progress stream ends right after the build; this is for its last lines. */
  readonly progressDrainMs: number;
  /** The same for a build that failed before its first progress message: the daemon then waits for it in vain. */
  readonly silentDrainMs: number;
  /** After an abort: for the daemon to say that the step is stopped. */
  readonly abortDrainMs: number;
  /** Progress has ended and the solve has not answered: ask the history after this. */
  readonly historyDelayMs: number;
  /** One question to the history. */
  readonly historyLimitMs: number;
  /** For removing the build from the history. */
  readonly forgetLimitMs: number;
  /** After an abort, waiting for the end and removing from the history together: whoever stops a step waits 3 s for it. */
  readonly stopLimitMs: number;
}

const usualTimes: SolveTimes = {
  pingIntervalMs: 10_000,
  progressDrainMs: 2_000,
  silentDrainMs: 250,
  abortDrainMs: 1_000,
  historyDelayMs: 2_000,
  historyLimitMs: 3_000,
  forgetLimitMs: 1_000,
  stopLimitMs: 1_500,
};

const forgetPauseMs = 100;

/**
 * Builds. Each call is a new build under a new name, so a lost one may simply be repeated.
 * Rejects with SolveError when the build failed or the daemon was lost, with the PluginError of a capability when that was
 * the cause, and with the signal's reason after an abort.
 */
export async function solve(options: SolveOptions, times: SolveTimes = usualTimes): Promise<SolveResult> {
  options.signal.throwIfAborted();
  const session = await Session.open({
    dial: options.dial,
    id: randomName(),
    sharedKey: options.sharedKey,
    capabilities: [...options.capabilities, healthCapability()],
    log: options.log,
    signal: options.signal,
  });
  try {
    return await solveInSession(options, session, times);
  } finally {
    await session.close();
  }
}

async function solveInSession(options: SolveOptions, session: Session, times: SolveTimes): Promise<SolveResult> {
  const { dial, signal, log } = options;
  const ref = randomName();
  const connection = { pingIntervalMs: times.pingIntervalMs };
  // Progress has a connection of its own: a solve that fails with a large Dockerfile blocks the one that it is on.
  const watcher = await ControlClient.connect(dial, signal, connection);
  const solver = await ControlClient.connect(dial, signal, connection).catch((error: unknown) => {
    watcher.close();
    throw error;
  });
  const progress = new ProgressWatch(watcher, ref, options.onStatus, log);
  const history = new HistoryWatch({ dial, ref, log, delayMs: times.historyDelayMs, limitMs: times.historyLimitMs });
  let forgetLimitMs = times.forgetLimitMs;
  try {
    const answer = solver.solve(solveRequest(options, ref, session.id), signal);
    const exporterResponse = await history.answerOrRecordedFailure(answer, progress.ended);
    options.onEnded?.();
    return { ref, exporterResponse };
  } catch (error) {
    const failedMs = performance.now();
    const drainMs = signal.aborted ? times.abortDrainMs : times.progressDrainMs;
    const endedInOrder = await progress.drain(progress.isSilent ? times.silentDrainMs : drainMs);
    if (endedInOrder || (error instanceof CallError && !error.lost)) options.onEnded?.();
    else log.debug('the daemon did not say that the build has ended');
    if (signal.aborted) forgetLimitMs = Math.max(0, times.stopLimitMs - (performance.now() - failedMs));
    signal.throwIfAborted();
    if (!(error instanceof CallError)) throw error;
    throw explainSolveFailure(error, {
      sessionLoss: session.loss,
      capabilityFailures: session.failures,
      failedVertex: progress.failedVertex,
      dockerfile: options.dockerfile,
    });
  } finally {
    await progress.drain(times.progressDrainMs);
    solver.close();
    await forget(watcher, ref, Math.ceil(Math.min(forgetLimitMs, times.forgetLimitMs)), log);
    watcher.close();
  }
}

function solveRequest(
  options: SolveOptions,
  ref: string,
  sessionId: string,
): MessageInitShape<typeof SolveRequestSchema> {
  const main = options.exporters.at(-1);
  return {
    Ref: ref,
    Session: sessionId,
    Frontend: options.frontend,
    FrontendAttrs: options.frontendAttrs,
    Exporters: options.exporters.map(wireAttrs),
    ...(main === undefined ? {} : { ExporterDeprecated: main.type, ExporterAttrsDeprecated: main.attrs }),
    Cache: { Exports: options.cacheExports.map(wireAttrs), Imports: options.cacheImports.map(wireAttrs) },
    Entitlements: [...options.entitlements],
  };
}

function wireAttrs({ type, attrs }: TypedAttrs): { Type: string; Attrs: Record<string, string> } {
  return { Type: type, Attrs: { ...attrs } };
}

/** By itself, and so that the build fails with it. */
function hasFailed({ name, error }: VertexState): boolean {
  return error !== '' && !error.endsWith('context canceled') && !isCacheImport(name);
}

/** The progress stream of a build, read until it ends or is not wanted any more. */
class ProgressWatch {
  /** Resolves to true when the daemon ended the stream in order; never rejects. */
  readonly ended: Promise<boolean>;
  readonly #stop = new AbortController();
  #failedVertex: VertexState | undefined;
  #isSilent = true;

  constructor(client: ControlClient, ref: string, onStatus: (status: StatusUpdate) => void, log: Log) {
    const receive = (status: StatusUpdate): void => {
      this.#isSilent = false;
      this.#failedVertex ??= status.vertexes.find(hasFailed);
      onStatus(status);
    };
    this.ended = client.status(ref, receive, this.#stop.signal).then(
      () => true,
      (error: unknown) => {
        if (!this.#stop.signal.aborted)
          log.debug(`progress ended early: ${error instanceof Error ? error.message : ''}`);
        return false;
      },
    );
  }

  /** No message has come yet. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** The first step that failed by itself. */
  get failedVertex(): VertexState | undefined {
    return this.#failedVertex;
  }

  /** Lets the last messages come in, then stops. @returns whether the daemon has ended the stream in order */
  async drain(limitMs: number): Promise<boolean> {
    if (this.#stop.signal.aborted) return this.ended;
    const timer = new AbortController();
    await Promise.race([this.ended, delay(limitMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
    this.#stop.abort();
    return this.ended;
  }
}

/** The history would keep our build arguments. A build that was just stopped is entered a moment later, hence the repeats. */
async function forget(client: ControlClient, ref: string, limitMs: number, log: Log): Promise<void> {
  const limit = AbortSignal.timeout(limitMs);
  for (;;) {
    try {
      await client.forgetBuild(ref, limit);
      return;
    } catch (error) {
      const isFinal = limit.aborted || !(error instanceof CallError) || error.lost;
      if (isFinal) {
        log.debug(`the daemon's build history may still hold ${ref}: ${error instanceof Error ? error.message : ''}`);
        return;
      }
    }
    await delay(forgetPauseMs);
  }
}

/** 128 random bits: nobody else's build, and no `:`. */
function randomName(): string {
  return randomBytes(16).toString('hex');
}
