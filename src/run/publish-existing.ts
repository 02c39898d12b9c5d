// Chapter: `push_only`. An image that exists is published as it is; nothing is built, and a daemon is asked only when the
// image is in it.
import type { Plan } from '../plan/plan.ts';
import type { CopyPlan, CopySource } from '../plan/copy-plan.ts';
import { PluginError } from '../base/plugin-error.ts';
import { together } from '../base/together.ts';
import { copyImage } from '../publish/copy-image.ts';
import { readImageArchive } from '../publish/image-archive.ts';
import type { ImageContent } from '../publish/image-source.ts';
import { type ArchivePlace, openArchive } from '../publish/open-archive.ts';
import { checkPlatform, pickPlatform } from '../publish/pick-platform.ts';
import { unlessStopped } from '../publish/publish-image.ts';
import { saveFromDaemon } from '../publish/save-from-daemon.ts';
import type { Manifest, Published } from '../publish/target.ts';
import { withTemporaryFolder } from '../publish/temporary-folder.ts';
import { uploadFromDaemon } from '../publish/upload-from-daemon.ts';
import { uploadImage } from '../publish/upload-image.ts';
import { RegistryError } from '../registry/registry-error.ts';
import { checkPacking } from './check-packing.ts';
import { findInDaemon, findInRegistry } from './find-image.ts';
import type { Registries } from './open-registries.ts';
import { prepareTargets } from './prepare-targets.ts';
import { publishOptions } from './publish-options.ts';
import { secretScan } from './scan-secrets.ts';
import type { Tools } from './tools.ts';

/** Publishes. Throws PluginError: 2 for a source of no use, 5 without the daemon that has it, else as publishing does. */
export async function publishExisting(plan: Plan, registries: Registries, tools: Tools): Promise<Published> {
  const { signal } = tools.world;
  const { copy } = plan;
  if (copy === undefined) throw new Error('the plan is to build');
  try {
    return unlessStopped(await publishFrom(copy, plan, registries, tools), signal);
  } catch (error) {
    throw error instanceof RegistryError ? withSide(error) : error;
  }
}

/** Both sides may be at one host: the message says which of them failed. */
function withSide(cause: RegistryError): PluginError {
  const { code, exitCode, message, hint, details, side } = cause;
  return new PluginError({ code, exitCode, message: `${side}: ${message}`, hint, details, cause });
}

/** What a way takes: the image, and all that goes with it. */
interface Job {
  readonly copy: CopyPlan;
  readonly plan: Plan;
  readonly registries: Registries;
  readonly tools: Tools;
  readonly options: CopyOptions;
}

function publishFrom(copy: CopyPlan, plan: Plan, registries: Registries, tools: Tools): Promise<Published> {
  const { source } = copy;
  const job = { copy, plan, registries, tools, options: copyOptions(plan, registries, tools) };
  switch (source.kind) {
    case 'registry':
      return publishFromRegistry(source, job);
    case 'daemon':
      return publishFromDaemon(source, job);
    case 'archive':
      return publishFromArchive(source, job);
  }
}

type Source<Kind extends CopySource['kind']> = Extract<CopySource, { readonly kind: Kind }>;

async function publishFromRegistry(source: Source<'registry'>, job: Job): Promise<Published> {
  const { plan, registries, tools, options } = job;
  const { platform } = job.copy;
  const { signal } = tools.world;
  const [image] = await together(
    (stop) => findInRegistry(source, plan, registries, tools, stop),
    (stop) => prepareTargets(registries, stop),
    signal,
  );
  tools.phases.start('publish');
  const root =
    platform === undefined ? image.root : await pickPlatform(image.root, platform, image.source, tools.log, signal);
  return copyImage({ ...options, ...image, root }, signal);
}

async function publishFromDaemon(source: Source<'daemon'>, job: Job): Promise<Published> {
  const { plan, registries, tools, options } = job;
  const { platform } = job.copy;
  const { signal } = tools.world;
  const [image] = await together(
    (stop) => findInDaemon(source, plan, tools, stop),
    (stop) => prepareTargets(registries, stop),
    signal,
  );
  if (image.kind === 'layers') {
    checkPacking(plan);
    if (platform !== undefined) checkPlatform(source.display, platform, image.facts);
  }
  tools.phases.start('publish');
  if (image.kind === 'layers') {
    return uploadFromDaemon({ ...options, engine: image.engine, id: image.facts.id, name: image.facts.id }, signal);
  }
  const { retrier } = registries;
  return withTemporaryFolder(options.temporaryDirectory, tools.log, async (folder) => {
    const path = await saveFromDaemon({ ...image, folder, retrier }, signal);
    return publishArchive({ path, isDirectory: false, display: source.display }, folder, plan, options, signal);
  });
}

async function publishFromArchive(source: Source<'archive'>, job: Job): Promise<Published> {
  const { plan, registries, tools, options } = job;
  const { signal } = tools.world;
  await prepareTargets(registries, signal);
  tools.phases.start('publish');
  return withTemporaryFolder(options.temporaryDirectory, tools.log, (folder) =>
    publishArchive(source, folder, plan, options, signal),
  );
}

/** What publishing is told, however it goes on. */
function copyOptions(plan: Plan, registries: Registries, tools: Tools) {
  const inspect = secretScan(plan, tools);
  const repository = registries.targets[0]?.repository;
  const beforeTags =
    inspect === undefined || repository === undefined
      ? undefined
      : (manifest: Manifest, content: ImageContent = repository) => inspect(manifest, content, tools.world.signal);
  const referrers = plan.copy?.referrers ?? false;
  return { ...publishOptions(plan, registries, tools), inspect, beforeTags, referrers };
}

type CopyOptions = ReturnType<typeof copyOptions>;

async function publishArchive(
  place: ArchivePlace,
  folder: string,
  plan: Plan,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<Published> {
  const { log } = options;
  const { display } = place;
  const files = await openArchive(place, folder, signal);
  const archived = await readImageArchive(files, { display, platform: plan.copy?.platform, log }, signal);
  if (archived.kind === 'oci') {
    log.info(`source ${display} is ${archived.root.digest}`);
    return copyImage({ ...options, ...archived }, signal);
  }
  checkPacking(plan);
  log.info(`source ${display} is the image ${archived.image.id}`);
  return uploadImage({ ...options, ...archived }, signal);
}
