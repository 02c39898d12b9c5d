// What goes wrong during a publish besides the answers of its registry, as data: the daemon, the way to it, its builds, and the
// process of the step itself. The files under cells/ are lists of these; run-disturbance.ts carries one out.
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine, EngineKind } from '../support/engines.ts';
import type { RunningPlugin } from '../support/run-plugin.ts';
import type { ByteProxy, ByteRule } from './byte-proxy.ts';
import type { FaultProxy } from './fault-proxy.ts';
import type { Letter } from './judge.ts';
import type { FaultRule } from './rules.ts';

/** A publish that is going on. */
export interface DisturbedStep {
  readonly step: RunningPlugin;
  readonly engine: Engine;
  readonly daemonProxy: ByteProxy;
  readonly registryProxy: FaultProxy;
  /** Its workspace. */
  readonly workspace: string;
}

/** What a build is made of. */
export interface BuildMaterial {
  /** To be a label of the image: `LABEL ${label}`. */
  readonly label: string;
  /** Random bytes, which no store has seen. */
  readonly content: Buffer;
  /** Reference of a base image with a shell, past every proxy. */
  readonly base: string;
  /** `127.0.0.1:port` of the proxy before the registry, where `bases/two-platforms:1` is for amd64 and arm64. */
  readonly registry: string;
}

export type WorkspaceFiles = Readonly<Record<string, string | Buffer>>;

export interface Disturbance {
  /** Unique: `D10 cut at 30 % of the answer of POST /grpc (3)`. */
  readonly id: string;
  readonly group: 'daemon' | 'process';
  /** Both stores of 26.1 unless given. */
  readonly engines?: readonly EngineKind[];
  /** On the way to the daemon. */
  readonly daemon?: readonly ByteRule[];
  /** How the step reaches that way; a unix socket unless given. */
  readonly listen?: 'tcp';
  /** On the way to the registry. */
  readonly registry?: readonly FaultRule[];
  /** DOCKER_HOST in place of that way. */
  readonly host?: (engine: Engine) => string;
  /** An image of one layer, without a RUN, unless given. */
  readonly files?: (material: BuildMaterial) => WorkspaceFiles;
  readonly settings?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** `['1']` unless given; each shows an older image before. */
  readonly tags?: readonly string[];
  /** Runs beside the step. Its failure is a failure of the bench. @returns what the step did not do as it should */
  readonly act?: (run: DisturbedStep) => Promise<string | void>;
  readonly letters: readonly Letter[];
  readonly exitCodes: readonly number[];
  /** What the log has to say. */
  readonly says?: RegExp;
  /** A signal that no program can handle ends the step: only the registry is judged then. */
  readonly isKilled?: boolean;
  /** It is given no time to clean up, or to say what it left. */
  readonly isEndedAtOnce?: boolean;
  /** The log is not read to its end. */
  readonly isLogLost?: boolean;
  /** The daemon was not there to be cleaned: a name may stay on it that the log says is left. */
  readonly mayLeaveName?: boolean;
  /** 75 s unless given. */
  readonly limitMs?: number;
}

const missed = 'the step ended before its fault happened';
const pollMs = 5;

/** Waits until a rule on the way to the daemon has been met. @returns a complaint when the step ends without */
export async function untilDaemonFired({ step, daemonProxy }: DisturbedStep): Promise<string | void> {
  const ended = step.result.then(() => (daemonProxy.fired().length > 0 ? undefined : missed));
  return await Promise.race([daemonProxy.untilFired(), ended]);
}

/** The same for the way to the registry. */
export async function untilRegistryFired({ step, registryProxy }: DisturbedStep): Promise<string | void> {
  const over = new AbortController();
  void step.result.then(() => over.abort());
  while (registryProxy.fired().length === 0) {
    if (over.signal.aborted) return missed;
    await delay(pollMs);
  }
}

/** The usual build. */
export function plainBuild({ label, content }: BuildMaterial): WorkspaceFiles {
  return { 'layer.bin': content, Dockerfile: `FROM scratch\nLABEL ${label}\nCOPY layer.bin /\n` };
}

/** The same with a step that runs for a while, after it has said so. */
export function runningBuild({ label, content, base }: BuildMaterial): WorkspaceFiles {
  const run = 'RUN echo has begun; sleep 2; echo has ended';
  return { 'layer.bin': content, Dockerfile: `FROM ${base}\nLABEL ${label}\nCOPY layer.bin /\n${run}\n` };
}

/** Where a disturbance is tried that names no engines. */
export const usualEngines: readonly EngineKind[] = ['docker-26.1-graphdriver', 'docker-26.1-containerd'];
