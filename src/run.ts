// THE STORY of a step: settings, plan, daemon, build, publish, report, and nothing left behind. Each line names what
// happens next; whoever wants to know more opens the file that carries the name. The chapters are in run/.
import { Deadline } from './base/deadline.ts';
import { Ledger } from './base/ledger.ts';
import type { ExitCode } from './base/plugin-error.ts';
import { Redactor } from './base/redact.ts';
import type { World } from './base/world.ts';
import { BuildFailure } from './build/build-failure.ts';
import type { PreparedBuild } from './build/build-image.ts';
import { makePlan, type Plan, withClouds } from './plan/plan.ts';
import { failureOfRun, formatFailure } from './report/failure.ts';
import { LogWriter } from './report/log-writer.ts';
import { Phases } from './report/phases.ts';
import { formatPlan } from './report/plan-preview.ts';
import { Progress } from './report/progress.ts';
import { chooseTags } from './run/choose-tags.ts';
import { keepImage } from './run/keep-image.ts';
import { limitTime } from './run/limit-time.ts';
import { openClouds } from './run/open-cloud.ts';
import { openRegistries, type Registries } from './run/open-registries.ts';
import { type Outcome, report, reportNothing } from './run/report.ts';
import { openSigner, sign } from './run/sign.ts';
import { readStep } from './run/read-step.ts';
import type { Tools } from './run/tools.ts';
import { usage } from './settings/reference-table.ts';

/** Runs one step; never throws. @returns the exit code, once everything that the run made on the daemon is removed */
export async function run(edge: World): Promise<0 | ExitCode> {
  const redactor = new Redactor();
  const redact = (secret: string): boolean => redactor.register(secret);
  const log = new LogWriter(edge.write, redactor);
  const phases = new Phases(edge.monotonicMs);
  const progress = new Progress((line) => log.info(line), edge.monotonicMs);
  const ledger = new Ledger();
  const deadline = new Deadline(edge.signal);
  const world = { ...edge, signal: deadline.signal };
  const mask = (text: string): string => redactor.redact(text);
  const holdsSecret = (text: string): boolean => redactor.holdsSecret(text);
  const failed = await follow({ world, log, redact, mask, holdsSecret, phases, progress, ledger, deadline }).then(
    () => undefined,
    (error: unknown) => ({ error: failureOfRun(error, world.signal, phases.current) }),
  );
  deadline.stop();
  progress.end();
  const leftOnDaemon = await ledger.unwind(world.signal);
  if (failed === undefined) {
    for (const name of leftOnDaemon) log.warn(`${name} is left on the daemon; remove it there with docker rmi`);
    return 0;
  }
  const stepTail = failed.error instanceof BuildFailure ? progress.tailOf(failed.error.vertexDigest) : undefined;
  const failure = formatFailure(failed.error, {
    leftOnDaemon,
    stepTail,
    publishing: ['publish', 'sign'].includes(phases.current),
  });
  for (const line of failure.lines) log.result(line);
  return failure.exitCode;
}

type BuiltAndPublished = Pick<Outcome, 'image' | 'published'>;

async function follow(tools: Tools): Promise<void> {
  const { world, log, phases } = tools;
  const { request, info } = await readStep(tools);
  if (!('settings' in request)) return log.result(request.mode === 'help' ? usage() : `docker-build ${world.version}`);
  const planned = makePlan(request.settings, info, world.now());
  log.setLevel(planned);
  for (const warning of [...request.warnings, ...planned.warnings]) log.warn(warning);
  for (const note of planned.notes) log.info(note);
  limitTime(planned, tools);
  const signer = await openSigner(planned.signing);
  if (request.mode === 'check') return log.result(formatPlan(planned));
  if (planned.action.kind === 'nothing-to-do') return reportNothing(planned.action.reason, planned, [], tools);
  const prepared = planned.copy === undefined ? await prepare(planned, tools) : undefined;

  phases.start('connect');
  const clouds = await openClouds(planned, tools);
  const plan = withClouds(planned, clouds);
  const opened = await openRegistries(plan, clouds, tools);
  const { registries, skipped, nothingToDo } = await chooseTags(plan, opened, tools);
  if (nothingToDo !== undefined) return reportNothing(nothingToDo, plan, skipped, tools);
  const made =
    prepared === undefined
      ? await copyAndPublish(plan, registries, tools)
      : await buildAndPublish(plan, prepared, registries, tools);
  for (const step of plan.nextSteps) log.info(step);
  const signatures = await sign(made.published, registries.targets, signer, tools);
  keepImage(made.image?.localImage, tools);

  await report({ ...made, skipped, signatures }, plan, registries, tools);
}

/** Nothing is built, and no daemon is asked unless it has the image. */
async function copyAndPublish(plan: Plan, registries: Registries, tools: Tools): Promise<BuiltAndPublished> {
  const { publishExisting } = await import('./run/publish-existing.ts');
  return { published: await publishExisting(plan, registries, tools) };
}

// Most of the program is behind these imports: a step with wrong settings ends before any of it is loaded.

async function prepare({ build }: Plan, { log }: Tools): Promise<PreparedBuild> {
  const { prepareBuild } = await import('./build/build-image.ts');
  return prepareBuild(build, log);
}

async function buildAndPublish(
  plan: Plan,
  prepared: PreparedBuild,
  registries: Registries,
  tools: Tools,
): Promise<BuiltAndPublished> {
  const { connectDaemon } = await import('./run/connect-daemon.ts');
  const { makeImage } = await import('./run/make-image.ts');
  const { publish } = await import('./run/publish.ts');
  const daemon = await connectDaemon(plan, prepared, registries, tools);
  tools.phases.start('build');
  const image = await makeImage(plan, prepared, daemon, registries, tools);
  return { image, published: await publish(image, plan, daemon, registries, tools) };
}
