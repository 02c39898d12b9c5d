// THE STORY of a step: settings, plan, daemon, build, publish, report, and nothing left behind. Each line names what
// happens next; whoever wants to know more opens the file that carries the name.
import { Ledger } from './base/ledger.ts';
import type { ExitCode } from './base/plugin-error.ts';
import { Redactor } from './base/redact.ts';
import { together } from './base/together.ts';
import type { World } from './base/world.ts';
import { BuildFailure } from './build/build-failure.ts';
import { buildImage, checkBuilder, prepareBuild } from './build/build-image.ts';
import { chooseOutput } from './build/choose-output.ts';
import { findBuilder } from './build/find-builder.ts';
import { registryAuthority } from './build/registry-authority.ts';
import { findCredentials } from './credentials/find-credentials.ts';
import { connectEngine } from './engine/connect.ts';
import { removeTemporaryImage } from './engine/temporary-images.ts';
import { usualSockets } from './engine/usual-sockets.ts';
import { makePlan } from './plan/plan.ts';
import { temporaryName } from './plan/temporary-name.ts';
import { checkPushAccess } from './publish/check-push-access.ts';
import { publishImage } from './publish/publish-image.ts';
import { failureOfRun, formatFailure } from './report/failure.ts';
import { LogWriter } from './report/log-writer.ts';
import { Phases } from './report/phases.ts';
import { formatPlan } from './report/plan-preview.ts';
import { Progress } from './report/progress.ts';
import { formatSummary } from './report/summary.ts';
import { UploadProgress } from './report/upload-progress.ts';
import { readBuildInfo } from './settings/build-info.ts';
import { readSettings } from './settings/read-settings.ts';
import { usage } from './settings/reference-table.ts';
import { workspaceFiles } from './settings/workspace-files.ts';

/** What a run says, measures, hides and has to undo. */
interface Tools {
  readonly log: LogWriter;
  readonly redactor: Redactor;
  readonly ledger: Ledger;
  readonly phases: Phases;
  readonly progress: Progress;
}

/** Runs one step; never throws. @returns the exit code, once everything that the run made on the daemon is removed */
export async function run(world: World): Promise<0 | ExitCode> {
  const redactor = new Redactor();
  const log = new LogWriter(world.write, redactor);
  const phases = new Phases(world.monotonicMs);
  const progress = new Progress((line) => log.info(line), world.monotonicMs);
  const tools: Tools = { log, redactor, phases, progress, ledger: new Ledger() };
  const failed = await follow(world, tools).then(
    () => undefined,
    (error: unknown) => ({ error: failureOfRun(error, world.signal, phases.current) }),
  );
  progress.end();
  const leftOnDaemon = await tools.ledger.unwind(world.signal);
  if (failed === undefined) {
    for (const name of leftOnDaemon) log.warn(`${name} is left on the daemon; remove it there with docker rmi`);
    return 0;
  }
  const stepTail = failed.error instanceof BuildFailure ? progress.tailOf(failed.error.vertexDigest) : undefined;
  const failure = formatFailure(failed.error, { leftOnDaemon, stepTail, publishing: phases.current === 'publish' });
  for (const line of failure.lines) log.result(line);
  return failure.exitCode;
}

async function follow(world: World, { log, redactor, ledger, phases, progress }: Tools): Promise<void> {
  const { env, argv, signal, temporaryDirectory } = world;
  const redact = (secret: string): boolean => redactor.register(secret);
  const request = readSettings({ env, argv, files: workspaceFiles(world.cwd), redact });
  if (!('settings' in request)) return log.result(request.mode === 'help' ? usage() : `docker-build ${world.version}`);
  const plan = makePlan(request.settings, readBuildInfo(env), world.now());
  log.setLevel(plan);
  for (const warning of [...request.warnings, ...plan.warnings]) log.warn(warning);
  for (const note of plan.notes) log.info(note);
  if (request.mode === 'check') return log.result(formatPlan(plan));
  if (plan.action.kind === 'nothing-to-do') return log.result(plan.action.reason);
  const build = await prepareBuild(plan.build, log);

  phases.start('connect');
  const credentials = findCredentials(plan.registries, { log, redact });
  const userAgent = `docker-build/${world.version}`;
  const limits = { attempts: plan.upload.retries + 1 };
  const tools = { credentials, userAgent, limits, log, redact };
  // Its HTTP client is most of the program's size: a step with wrong settings ends before that is loaded.
  const { RegistryClient } = await import('./registry/registry-client.ts');
  const registries = new RegistryClient({ ...plan.registries, ...plan.upload, ...tools });
  ledger.enter(undefined, () => registries.close());
  const wanted = plan.publish?.targets ?? [];
  const targets = wanted.map((to) => ({ ...to, repository: registries.repository(to.repository, 'push') }));
  for (const { repository } of targets) ledger.enter(undefined, () => repository.abandonUploads());
  const [engine] = await together(
    (stop) => connectEngine({ ...plan.daemon, socketCandidates: usualSockets(env['XDG_RUNTIME_DIR']), log }, stop),
    (stop) => checkPushAccess(targets, stop),
    signal,
  );
  const builder = await findBuilder(engine.dial, signal);
  checkBuilder(plan.build, builder);
  log.info(`connected to docker ${engine.version} at ${engine.address} (${builder.imageStore} image store)`);

  phases.start('build');
  const startSeconds = Math.floor(world.now().getTime() / 1000);
  const temporary = temporaryName({ ...plan.build, startSeconds, random: world.randomHex(16) });
  const repositories = wanted.map(({ repository }) => repository);
  const output = chooseOutput({ ...plan.registries, ...builder, repositories, temporaryName: temporary });
  let mayStillCome = true;
  if (output.kind === 'temporary-image')
    ledger.enter(temporary, () => removeTemporaryImage(engine, temporary, { mayStillCome }));
  const tokens = registryAuthority(registries, credentials, output.kind === 'push-by-digest' ? repositories : []);
  const building = { builder, output, tokens, log, onEnded: () => (mayStillCome = false) };
  const image = await buildImage(build, { ...building, onStatus: (status) => progress.update(status) }, signal);
  progress.end();

  if (image.kind !== 'cached') phases.start('publish');
  const uploads = new UploadProgress((line) => log.info(line), world.monotonicMs);
  const onLayer = uploads.update.bind(uploads);
  const publishing = { ...plan.upload, engine, targets, temporaryDirectory, log, onLayer };
  const published = image.kind === 'cached' ? undefined : await publishImage(image, publishing, signal);

  const facts = { ...progress.counts(), pushedByDaemon: image.kind === 'pushed', phases: phases.durations() };
  for (const line of formatSummary(published, facts)) log.result(line);
}
