// One publish through one proxy that spoils it: image and registry are prepared, everything is noted, the driver runs, everything
// is noted again, and the judge says a letter. Runs share registries and daemons and nothing else, so many can go on at once.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchRegistries, type BenchRegistry } from './bench-registries.ts';
import { chargeUploads } from './charge-uploads.ts';
import { CleanUp } from './clean-up.ts';
import type { Driver, PublishEnd, PublishJob } from './drivers/driver.ts';
import type { FaultCase, FaultGroup, StepTotals } from './fault-case.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { judge, type Letter, type ShownImage } from './judge.ts';
import { imageOf, putImage } from './make-image.ts';
import { dropRepository, readTags, type WantedImage } from './registry-graph.ts';
import type { FaultRule, Step } from './rules.ts';
import { type Scene, takeSnapshot, uploadPrefix, whatIsLeft } from './snapshot.ts';

/** What came of one run; a line of the bench's results. */
export interface FaultRun {
  readonly fault: string;
  readonly group: FaultGroup;
  readonly driver: string;
  readonly version: string;
  readonly letter: Letter;
  /** Why it is not a better letter. */
  readonly reasons: readonly string[];
  /** The letter and the exit code are among those that the case allows. */
  readonly isAllowed: boolean;
  readonly isTransient: boolean;
  /** How many faults happened. */
  readonly hits: number;
  /** The publish made a request that the rules are about, or there are none. */
  readonly isMet: boolean;
  readonly exitCode: number | undefined;
  readonly ms: number;
  /** By step, as in `{"hb":2,"po":2}`. */
  readonly requests: Readonly<Record<string, number>>;
  readonly output: string;
}

const usualLayerBytes = 3_000_000;
const oldLayerBytes = 1000;
const usualLimitMs = 75_000;
/** For what daemon and registry do a moment after the end of the step. */
const patienceMs = 3_000;
const usualTags = ['1'];
const pluginUserAgent = 'docker-build/';

/** Carries out runs, and keeps what undisturbed ones looked like. */
export class FaultBench {
  readonly #registries: BenchRegistries;
  readonly #totals = new Map<string, Promise<StepTotals>>();

  constructor(registries: BenchRegistries) {
    this.#registries = registries;
  }

  /**
   * @returns undefined when the case does not apply to this driver
   * @throws Error when the bench itself fails: an image that cannot be prepared
   */
  async run(driver: Driver, fault: FaultCase): Promise<FaultRun | undefined> {
    const totals = needsTotals(fault) ? await this.#undisturbed(driver, fault) : new Map<Step, number>();
    if (fault.applies?.(totals) === false) return undefined;
    return (await this.#publish(driver, fault, totals)).run;
  }

  /** Requests of the same publish without any fault. */
  #undisturbed(driver: Driver, fault: FaultCase): Promise<StepTotals> {
    const shape = shapeOf(fault);
    const key = JSON.stringify([driver.name, shape]);
    const known = this.#totals.get(key);
    if (known !== undefined) return known;
    const plain: FaultCase = { ...shape, id: 'nothing', group: 'measured', rules: [] };
    const measured = this.#publish(driver, plain, new Map()).then(({ run, totals }) => {
      if (run.letter === 'survived') return totals;
      throw new Error(`${driver.name} fails undisturbed: ${run.reasons.join('; ')}\n${run.output}`);
    });
    this.#totals.set(key, measured);
    return measured;
  }

  async #publish(
    driver: Driver,
    fault: FaultCase,
    totals: StepTotals,
  ): Promise<{ readonly run: FaultRun; readonly totals: StepTotals }> {
    const registry = await this.#registries.target(fault);
    const random = fault.random === undefined ? {} : { random: fault.random };
    const tokens = registry.tokens === undefined ? {} : { tokens: registry.tokens };
    const cleanUp = new CleanUp();
    try {
      const folder = mkdtempSync(join(tmpdir(), 'docker-build-fault-'));
      cleanUp.add(() => rmSync(folder, { recursive: true, force: true }));
      const proxy = await startFaultProxy(registry.host, { ...tokens, ...random });
      cleanUp.add(() => proxy.stop());
      const job = makeJob(fault, driver, folder, { proxy, registry });
      for (const repository of job.repositories) cleanUp.add(() => dropRepository(registry, repository));
      const oldTags = fault.oldTags ?? job.tags;
      const old = await imageOf(`${job.id}-old`, randomBytes(oldLayerBytes));
      for (const repository of oldTags.length > 0 ? job.repositories : []) {
        await putImage(registry, repository, old, oldTags);
      }
      const prepared = await driver.prepare(job);
      cleanUp.add(() => prepared.clean());
      const stage = { driver, fault, job, registry, proxy, wanted: prepared.wanted };
      const run = await publishUnderFault(stage, totals);
      return { run, totals: proxy.counts() };
    } finally {
      await cleanUp.run();
    }
  }
}

interface Stage {
  readonly driver: Driver;
  readonly fault: FaultCase;
  readonly job: PublishJob;
  readonly registry: BenchRegistry;
  readonly proxy: FaultProxy;
  readonly wanted: WantedImage;
}

function needsTotals({ rules, applies }: FaultCase): boolean {
  return applies !== undefined || typeof rules === 'function' || rules.some(({ match }) => match.nth === -1);
}

/** What makes the requests of a publish differ from those of another. */
function shapeOf(fault: FaultCase): Partial<FaultCase> {
  const { tags, oldTags, settings, auth, tokenLifeSeconds, isMountable, layerBytes } = fault;
  return {
    ...(tags === undefined ? {} : { tags }),
    ...(oldTags === undefined ? {} : { oldTags }),
    ...(settings === undefined ? {} : { settings }),
    ...(auth === undefined ? {} : { auth }),
    ...(isMountable === undefined ? {} : { isMountable }),
    ...(layerBytes === undefined ? {} : { layerBytes }),
    ...(tokenLifeSeconds === undefined ? {} : { tokenLifeSeconds }),
  };
}

function makeJob(
  fault: FaultCase,
  driver: Driver,
  folder: string,
  place: Pick<Stage, 'proxy' | 'registry'>,
): PublishJob {
  const id = `run-${randomBytes(6).toString('hex')}`;
  const repository = `faults/${id}`;
  const isMountable = fault.isMountable === true;
  const workspace = join(folder, 'workspace');
  const temporary = join(folder, 'tmp');
  for (const path of [workspace, temporary]) mkdirSync(path);
  return {
    id,
    workspace,
    temporary,
    host: place.proxy.host,
    registry: place.registry,
    repositories: isMountable && driver.engine !== undefined ? [repository, `${repository}-2`] : [repository],
    isMountable,
    tags: fault.tags ?? usualTags,
    content: randomBytes(fault.layerBytes ?? usualLayerBytes),
    settings: fault.settings ?? {},
  };
}

async function publishUnderFault(stage: Stage, totals: StepTotals): Promise<FaultRun> {
  const { driver, fault, job, registry, proxy } = stage;
  const rules = typeof fault.rules === 'function' ? fault.rules(totals) : fault.rules;
  const { id, repositories } = job;
  const folders = [job.workspace, job.temporary];
  const scene: Scene = { id, engine: driver.engine, folders, registry, repositories };
  const before = await takeSnapshot(scene);
  const tagsBefore = await shownTags(stage);
  proxy.arm(rules, totals);
  const { end, outlivedLimit } = await drive(stage);
  const left = await whatIsLeft(before, scene, patienceMs, (found) => withoutExcusedUploads(found, stage));
  const broken = fault.check?.({ requests: proxy.requests(), output: end.output }) ?? [];
  const verdict = judge({
    ...end,
    broken,
    outlivedLimit,
    isPlugin: driver.scenario !== undefined,
    isKilled: false,
    wanted: repositories.flatMap((repository) => job.tags.map((tag) => nameOf(stage, repository, tag))),
    before: tagsBefore,
    after: await shownTags(stage),
    left,
  });
  return describeRun(stage, rules, end, verdict);
}

function describeRun(
  { driver, fault, proxy }: Stage,
  rules: readonly FaultRule[],
  end: PublishEnd,
  { letter, reasons }: { readonly letter: Letter; readonly reasons: readonly string[] },
): FaultRun {
  const { letters = ['survived', 'clean'], exitCodes } = fault;
  // A daemon that pushes has its own reasons for giving up, and its own words for them.
  const isTheDaemons = driver.scenario === 'daemon push (26.1 containerd)' && fault.isDaemonFree === true;
  const allowed: readonly Letter[] = isTheDaemons ? ['survived', 'clean'] : letters;
  const isRightCode =
    letter !== 'clean' || isTheDaemons || exitCodes === undefined || exitCodes.includes(end.exitCode ?? 0);
  const hits = proxy.fired().length;
  return {
    fault: fault.id,
    group: fault.group,
    driver: driver.name,
    version: driver.version,
    letter,
    reasons: isRightCode ? reasons : [...reasons, `exit ${end.exitCode} instead of ${exitCodes.join(' or ')}`],
    isAllowed: allowed.includes(letter) && isRightCode,
    isTransient: fault.isTransient === true,
    hits,
    isMet: hits > 0 || rules.length === 0,
    exitCode: end.exitCode,
    ms: Math.round(end.ms),
    requests: Object.fromEntries(proxy.counts()),
    output: end.output,
  };
}

async function drive({
  driver,
  fault,
  job,
}: Stage): Promise<{ readonly end: PublishEnd; readonly outlivedLimit: boolean }> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), fault.limitMs ?? usualLimitMs);
  try {
    const end = await driver.publish(job, limit.signal);
    return { end, outlivedLimit: limit.signal.aborted };
  } finally {
    clearTimeout(timer);
  }
}

async function shownTags(stage: Stage): Promise<ReadonlyMap<string, ShownImage>> {
  const shown = new Map<string, ShownImage>();
  for (const repository of stage.job.repositories) {
    const tags = await readTags(stage.registry, repository, stage.wanted);
    for (const [tag, image] of tags) shown.set(nameOf(stage, repository, tag), image);
  }
  return shown;
}

function nameOf({ job }: Stage, repository: string, tag: string): string {
  return `${job.host}/${repository}:${tag}`;
}

/** Of what is left, without the open uploads that the publisher does not answer for. */
function withoutExcusedUploads(left: readonly string[], { driver, proxy }: Stage): readonly string[] {
  return withoutExcused(left, proxy, driver.scenario === undefined ? () => true : isFromPlugin);
}

/** The same for a publisher whose own requests are known. */
export function withoutExcused(
  left: readonly string[],
  proxy: Pick<FaultProxy, 'requests' | 'fired'>,
  isOurs: (request: { readonly userAgent: string }) => boolean,
): readonly string[] {
  const ids = left.flatMap((what) => (what.startsWith(uploadPrefix) ? [idOfUpload(what)] : []));
  const charged = chargeUploads({ left: ids, requests: proxy.requests(), fired: proxy.fired(), isOurs });
  return left.filter((what) => !what.startsWith(uploadPrefix) || charged.includes(idOfUpload(what)));
}

/** Whether a request is the plugin's own, and not its daemon's. */
export function isFromPlugin({ userAgent }: { readonly userAgent: string }): boolean {
  return userAgent.startsWith(pluginUserAgent);
}

function idOfUpload(what: string): string {
  return what.slice(uploadPrefix.length).split(' ')[0] ?? '';
}
