// Chapter: `push_only`. An image that exists is published as it is; nothing is built, and a daemon is asked only when the
// image is in it.
import type { Plan } from '../plan/plan.ts';
import type { CopyPlan } from '../plan/copy-plan.ts';
import { PluginError } from '../base/plugin-error.ts';
import { together } from '../base/together.ts';
import { copyImage } from '../publish/copy-image.ts';
import { readImageArchive } from '../publish/image-archive.ts';
import type { ImageContent } from '../publish/image-source.ts';
import { type ArchivePlace, openArchive } from '../publish/open-archive.ts';
import { checkPlatform, pickPlatform } from '../publish/pick-platform.ts';
import { unlessStopped } from '../publish/publish-image.ts';
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

async function publishFrom(copy: CopyPlan, plan: Plan, registries: Registries, tools: Tools): Promise<Published> {
  const { phases, log } = tools;
  const { signal } = tools.world;
  const { source, platform } = copy;
  const options = copyOptions(plan, registries, tools);
  switch (source.kind) {
    case 'registry': {
      const [image] = await together(
        (stop) => findInRegistry(source, plan, registries, tools, stop),
        (stop) => prepareTargets(registries, stop),
        signal,
      );
      phases.start('publish');
      const root =
        platform === undefined ? image.root : await pickPlatform(image.root, platform, image.source, log, signal);
      return copyImage({ ...options, ...image, root }, signal);
    }
    case 'daemon': {
      const [image] = await together(
        (stop) => findInDaemon(source, plan, tools, stop),
        (stop) => prepareTargets(registries, stop),
        signal,
      );
      if (image.kind === 'layers') {
        checkPacking(plan);
        if (platform !== undefined) checkPlatform(source.display, platform, image.facts);
      }
      phases.start('publish');
      if (image.kind === 'layers') {
        return uploadFromDaemon({ ...options, engine: image.engine, id: image.facts.id, name: image.facts.id }, signal);
      }
      return withTemporaryFolder(options.temporaryDirectory, log, async (folder) => {
        const place = { path: await image.save(folder, signal), isDirectory: false, display: source.display };
        return publishArchive(place, folder, plan, options, signal);
      });
    }
    case 'archive': {
      await prepareTargets(registries, signal);
      phases.start('publish');
      return withTemporaryFolder(options.temporaryDirectory, log, (folder) =>
        publishArchive(source, folder, plan, options, signal),
      );
    }
  }
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
