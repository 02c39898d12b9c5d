// Chapter: what the run says about itself at its end: files for the pipeline, the summary, and the card last of all.
import { PluginError } from '../base/plugin-error.ts';
import type { Plan } from '../plan/plan.ts';
import type { SkippedTag } from '../publish/narrow-targets.ts';
import { describeOutcome } from '../publish/tag-failure.ts';
import type { Published } from '../publish/target.ts';
import { formatCacheMetrics } from '../report/cache-metrics.ts';
import type { ImageFacts } from '../report/image-facts.ts';
import type { ReportedTag, RunReport } from '../report/run-report.ts';
import { formatSummary } from '../report/summary.ts';
import type { SignOutcome } from '../signing/sign-image.ts';
import type { LocalImage } from './keep-image.ts';
import type { Registries } from './open-registries.ts';
import type { Tools } from './tools.ts';

/** How the run went. */
export interface Outcome {
  /** Absent when nothing was built. */
  readonly image?: { readonly kind: string; readonly localImage?: LocalImage };
  readonly published?: Published | undefined;
  readonly signatures?: readonly SignOutcome[];
  /** Wanted tags that were left alone. */
  readonly skipped: readonly SkippedTag[];
  /** Why there was nothing to do. */
  readonly nothingToDo?: string;
}

/** Reading facts back and writing files must not outlive the patience of a runner that is stopping the step. */
const reportLimitMs = 60_000;
const formsThatNeedFacts = ['card_path', 'iid_file', 'metadata_file'] as const;

/** Writes every report. Throws PluginError when one that was asked for cannot be written, or the step was stopped. */
export async function report(
  outcome: Outcome,
  plan: Plan,
  registries: Pick<Registries, 'targets'>,
  tools: Tools,
): Promise<void> {
  const { world, log } = tools;
  const { published } = outcome;
  const { writeCard, writeReports } = await import('../report/write-reports.ts');
  const signal = AbortSignal.timeout(reportLimitMs);
  const image = await readFacts(outcome, plan, registries, tools, signal);
  const facts = runReport(outcome, plan, image, tools);
  const write = log.verbatim.bind(log);
  const problems = await writeReports(facts, plan.report, { log, write });
  if (problems.length > 0) throw reportFailure(problems, published);
  if (world.signal.aborted && published !== undefined) throw stoppedAfterPublishing(published, world.signal.reason);
  summarize(outcome, tools);
  await writeCard(facts, plan.report, { log, write });
}

/** The same for a run that ended before anything was done. */
export async function reportNothing(
  nothingToDo: string,
  plan: Plan,
  skipped: readonly SkippedTag[],
  tools: Tools,
): Promise<void> {
  return report({ nothingToDo, skipped }, plan, { targets: [] }, tools);
}

/** Writes how the steps of the build ended; also after a failure, whose own words come first. */
export async function reportSteps(plan: Plan, { log, progress }: Tools): Promise<void> {
  const place = plan.report.places.get('cache_metrics_file');
  if (place === undefined) return;
  const { writePlace } = await import('../report/write-reports.ts');
  const write = log.verbatim.bind(log);
  await writePlace(place, formatCacheMetrics(progress.stepEnds()), { log, write }).catch((error: unknown) => {
    log.warn(`cache_metrics_file could not be written: ${String(error)}`);
  });
}

function summarize(
  { image, published, signatures = [], nothingToDo }: Outcome,
  { log, progress, phases }: Tools,
): void {
  if (nothingToDo !== undefined) return log.result(nothingToDo);
  const pushedByDaemon = image?.kind === 'pushed';
  const facts = { ...progress.counts(), signatures, pushedByDaemon, phases: phases.durations() };
  for (const line of formatSummary(published, facts)) log.result(line);
}

async function readFacts(
  { published }: Outcome,
  { report: { places } }: Plan,
  { targets }: Pick<Registries, 'targets'>,
  { log }: Tools,
  signal: AbortSignal,
): Promise<ImageFacts | undefined> {
  const [target] = targets;
  if (published === undefined || target === undefined || !formsThatNeedFacts.some((name) => places.has(name)))
    return undefined;
  const { readImageFacts } = await import('../report/image-facts.ts');
  return readImageFacts(target.repository, published.digest, signal).catch((error: unknown) => {
    log.warn(`the published image could not be read back for the reports: ${String(error)}`);
    return undefined;
  });
}

function runReport(
  { image: made, published, skipped, nothingToDo }: Outcome,
  { report: { wanted }, output, registryFacts }: Plan,
  image: ImageFacts | undefined,
  { world, phases, progress }: Tools,
): RunReport {
  const tar = output.files.find(({ setting }) => setting === 'tar_path');
  const milliseconds = phases.durations().reduce((sum, [, length]) => sum + length, 0);
  return {
    version: world.version,
    finishedAt: world.now(),
    seconds: Math.round(milliseconds / 100) / 10,
    ...progress.counts(),
    tags: wanted.flatMap(({ repository: { domain, path }, tags }) =>
      tags.map((tag) => reportedTag(`${domain}/${path}`, tag, published, skipped)),
    ),
    ...(published === undefined ? {} : { digest: published.digest }),
    ...(image === undefined ? {} : { image }),
    ...(published === undefined ? { notPublished: nothingToDo ?? 'dry_run' } : {}),
    ...(made?.localImage === undefined ? {} : { localImage: made.localImage.name }),
    ...(made === undefined || tar === undefined ? {} : { imageTarPath: tar.display }),
    ...registryFacts,
  };
}

function reportedTag(
  repository: string,
  tag: string,
  published: Published | undefined,
  skipped: readonly SkippedTag[],
): ReportedTag {
  const isThis = (other: { readonly repository: string; readonly tag: string }): boolean =>
    other.repository === repository && other.tag === tag;
  const left = skipped.find(isThis);
  if (left !== undefined) {
    return { repository, tag, state: 'skipped', ...(left.digest === undefined ? {} : { digest: left.digest }) };
  }
  const set = published?.tags.find(isThis);
  if (set === undefined) return { repository, tag, state: 'intended' };
  if (set.outcome === 'kept') {
    return { repository, tag, state: 'skipped', ...(set.after === undefined ? {} : { digest: set.after }) };
  }
  const state = set.outcome === 'unchanged' ? 'unchanged' : 'published';
  return { repository, tag, state, ...(published === undefined ? {} : { digest: published.digest }) };
}

function reportFailure(problems: readonly string[], published: Published | undefined): PluginError {
  return new PluginError({
    code: 'report-not-written',
    exitCode: 1,
    message: problems.join('; '),
    hint: 'later steps read this file: look at the disk and the rights of the workspace',
    details: published?.tags.map(describeOutcome) ?? [],
  });
}

function stoppedAfterPublishing({ tags }: Published, cause: unknown): PluginError {
  return new PluginError({
    code: 'stopped',
    exitCode: 143,
    message: 'stopped after everything was published',
    details: tags.map(describeOutcome),
    cause,
  });
}
