// Carries disturbances out: an engine that may be killed, a registry, a proxy before each, one step of the plugin, and the
// judge of the fault bench with what was there before and after.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startRegistryWithBase } from '../support/base-image.ts';
import { type Engine, type EngineKind, startEngine } from '../support/engines.ts';
import type { TestRegistry } from '../support/registry.ts';
import { type PluginResult, type RunningPlugin, startPlugin } from '../support/run-plugin.ts';
import { type ByteProxy, type SeenConnection, startByteProxy } from './byte-proxy.ts';
import { CleanUp } from './clean-up.ts';
import { type Disturbance, plainBuild } from './disturbance.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { judge, leftBehind, type Letter, type ShownImage } from './judge.ts';
import { imageLabel, imageOf, makeIndex, putImage } from './make-image.ts';
import { dropRepository, readTags } from './registry-graph.ts';
import { type FaultRun, isFromPlugin, withoutExcused } from './run-fault.ts';
import { type Scene, takeSnapshot, whatIsLeft } from './snapshot.ts';

/** A run as the bench reports it, and what the proxy before the daemon saw. */
export type DisturbedRun = FaultRun & { readonly connections: readonly SeenConnection[] };

const driverOf: Readonly<Record<EngineKind, string>> = {
  'docker-20.10': 'plugin upload (20.10)',
  'docker-26.1-graphdriver': 'plugin upload (26.1 graphdriver)',
  'docker-26.1-containerd': 'daemon push (26.1 containerd)',
};

const layerBytes = 1_000_000;
const oldLayerBytes = 1000;
const usualLimitMs = 75_000;
const patienceMs = 3_000;

/** One engine and one registry for many runs, one after the other. */
export class DisturbanceBench {
  readonly #engine: Engine;
  readonly #registry: TestRegistry;
  readonly #base: string;

  private constructor(engine: Engine, registry: TestRegistry, base: string) {
    this.#engine = engine;
    this.#registry = registry;
    this.#base = base;
  }

  static async start(kind: EngineKind): Promise<DisturbanceBench> {
    const { registry, base } = await startRegistryWithBase();
    try {
      await putImage(registry, 'bases/two-platforms', await makeIndex('base', randomBytes(oldLayerBytes)), ['1']);
      return new DisturbanceBench(await startEngine(kind), registry, base);
    } catch (error) {
      await registry.stop();
      throw error;
    }
  }

  get kind(): EngineKind {
    return this.#engine.kind;
  }

  async stop(): Promise<void> {
    const ends = await Promise.allSettled([this.#engine.stop(), this.#registry.stop()]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /** Throws when the bench itself fails. */
  async run(disturbance: Disturbance): Promise<DisturbedRun> {
    await this.#wakeDaemon();
    const cleanUp = new CleanUp();
    try {
      const folder = mkdtempSync(join(tmpdir(), 'docker-build-fault-'));
      cleanUp.add(() => rmSync(folder, { recursive: true, force: true }));
      const registryProxy = await startFaultProxy(this.#registry.host);
      cleanUp.add(() => registryProxy.stop());
      const daemonProxy = await startByteProxy(this.#engine.socket, disturbance.listen ?? 'unix');
      cleanUp.add(() => daemonProxy.stop());
      return await this.#runBehind(disturbance, folder, registryProxy, daemonProxy);
    } finally {
      await cleanUp.run();
    }
  }

  async #runBehind(
    disturbance: Disturbance,
    folder: string,
    registryProxy: FaultProxy,
    daemonProxy: ByteProxy,
  ): Promise<DisturbedRun> {
    const id = `run-${randomBytes(6).toString('hex')}`;
    const repository = `faults/${id}`;
    const { tags = ['1'], files = plainBuild } = disturbance;
    const workspace = join(folder, 'workspace');
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    const material = { label: `${imageLabel}=${id}`, content: randomBytes(layerBytes), base: this.#base };
    writeFiles(workspace, files({ ...material, registry: registryProxy.host }));
    await putImage(this.#registry, repository, await imageOf(`${id}-old`, randomBytes(oldLayerBytes)), tags);
    const registry = this.#registry;
    const scene: Scene = {
      id,
      engine: this.#engine,
      folders: [workspace, temporary],
      registry,
      repositories: [repository],
    };
    const before = await takeSnapshot(scene);
    const shown = (): Promise<ReadonlyMap<string, ShownImage>> => this.#shown(registryProxy.host, repository, id);
    const shownBefore = await shown();

    registryProxy.arm(disturbance.registry ?? []);
    daemonProxy.arm(disturbance.daemon ?? []);
    const step = startPlugin({
      cwd: workspace,
      host: disturbance.host?.(this.#engine) ?? daemonProxy.host,
      settings: { repo: `${registryProxy.host}/${repository}`, tags, request_timeout: '2s', ...disturbance.settings },
      env: { TMPDIR: temporary, ...disturbance.env },
    });
    const run = { step, engine: this.#engine, daemonProxy, registryProxy, workspace };
    const { end, outlivedLimit, complaint } = await endOf(step, disturbance, disturbance.act?.(run));

    // The daemon has to answer the oracle.
    await this.#wakeDaemon();
    const left = await whatIsLeft(before, scene, patienceMs, (found) =>
      withoutExcused(found, registryProxy, isFromPlugin),
    );
    const verdict = judge({
      ...end,
      outlivedLimit,
      isPlugin: true,
      isKilled: disturbance.isKilled === true,
      isLogLost: disturbance.isLogLost === true,
      hasBug: disturbance.exitCodes.includes(70),
      wanted: tags.map((tag) => `${registryProxy.host}/${repository}:${tag}`),
      before: shownBefore,
      after: await shown(),
      broken: [],
      left: disturbance.mayLeaveName === true ? left.filter((what) => !isTold(what, end.output)) : left,
    });
    dropRepository(this.#registry, repository);
    const hits = countHits(disturbance, registryProxy, daemonProxy);
    const reasons = [
      ...withoutHaste(verdict.reasons, disturbance),
      ...unexpected(disturbance, verdict.letter, end),
      ...complaint,
    ];
    return {
      fault: disturbance.id,
      group: disturbance.group,
      driver: driverOf[this.#engine.kind],
      version: this.#engine.kind,
      letter: verdict.letter,
      reasons,
      isAllowed: reasons.length === 0,
      isTransient: disturbance.letters.every((letter) => letter === 'survived'),
      hits,
      isMet: hits > 0,
      exitCode: end.exitCode,
      ms: Math.round(end.ms),
      requests: Object.fromEntries(registryProxy.counts()),
      output: end.output,
      connections: daemonProxy.connections(),
    };
  }

  /** What the run before has done to it is over. */
  async #wakeDaemon(): Promise<void> {
    this.#engine.signal('SIGCONT');
    await this.#engine.revive();
  }

  async #shown(host: string, repository: string, label: string): Promise<ReadonlyMap<string, ShownImage>> {
    const tags = await readTags(this.#registry, repository, { label });
    return new Map([...tags].map(([tag, image]) => [`${host}/${repository}:${tag}`, image]));
  }
}

function writeFiles(folder: string, files: Readonly<Record<string, string | Buffer>>): void {
  mkdirSync(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** Waits for the end of a step, and kills one that outlives its limit. */
async function endOf(
  step: RunningPlugin,
  { limitMs = usualLimitMs }: Disturbance,
  acting: Promise<string | void> | undefined,
): Promise<{ readonly end: PluginResult; readonly outlivedLimit: boolean; readonly complaint: readonly string[] }> {
  // Looked at below, when the step is over: it may fail earlier.
  acting?.catch(() => undefined);
  const waiting = new AbortController();
  const timeUp = delay(limitMs, undefined, { signal: waiting.signal }).catch(() => undefined);
  const ended = await Promise.race([step.result, timeUp]);
  waiting.abort();
  if (ended === undefined) step.process.kill('SIGKILL');
  const end = ended ?? (await step.result);
  // Who waits for a moment that never came is not waited for.
  const said = await Promise.race([acting, delay(actingLimitMs, undefined, { ref: false })]);
  return { end, outlivedLimit: ended === undefined, complaint: typeof said === 'string' ? [said] : [] };
}

/** What cannot be asked of a step that is ended at once. */
function withoutHaste(reasons: readonly string[], { isEndedAtOnce }: Disturbance): readonly string[] {
  if (isEndedAtOnce !== true) return reasons;
  return reasons.filter((reason) => !reason.startsWith(leftBehind) && !/^exit \d+ without a state$/.test(reason));
}

/** A daemon that is being started when the step ends needs a few seconds. */
const actingLimitMs = 10_000;

/** A warning, or the `state:` line of a failure, says that this name is left. */
function isTold(what: string, output: string): boolean {
  if (!what.startsWith('image docker-build.invalid/')) return false;
  const name = what.slice('image '.length);
  return output.split('\n').some((line) => {
    const [, listed = ''] = /state: (?:.*; )?left on the daemon: (.*) \(remove with docker rmi\)/.exec(line) ?? [];
    return line.includes(`warning: ${name} is left on the daemon`) || listed.split(', ').includes(name);
  });
}

/** What is no rule of a proxy happens by itself. */
function countHits({ daemon, registry }: Disturbance, registryProxy: FaultProxy, daemonProxy: ByteProxy): number {
  const rules = (daemon ?? []).length + (registry ?? []).length;
  return rules === 0 ? 1 : daemonProxy.fired().length + registryProxy.fired().length;
}

function unexpected({ letters, exitCodes, says }: Disturbance, letter: Letter, end: PluginResult): readonly string[] {
  return [
    ...(letters.includes(letter) ? [] : [`${letter} instead of ${letters.join(' or ')}`]),
    ...(end.exitCode === undefined || exitCodes.includes(end.exitCode)
      ? []
      : [`exit ${end.exitCode} instead of ${exitCodes.join(' or ')}`]),
    ...(says === undefined || says.test(end.output) ? [] : [`the log does not say ${String(says)}`]),
  ];
}
