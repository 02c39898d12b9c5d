// Chapter: an image that exists already, for a step that publishes without building. It is looked for where the settings say,
// and nowhere else: a name in the daemon is not taken for the same name in a registry.
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { findBuilder } from '../build/find-builder.ts';
import type { Engine } from '../engine/connect.ts';
import { hasImage, type ImageFacts, inspectImage } from '../engine/inspect-image.ts';
import type { CopySource } from '../plan/copy-plan.ts';
import type { Plan } from '../plan/plan.ts';
import type { ImageSource } from '../publish/image-source.ts';
import type { Manifest } from '../publish/target.ts';
import { RegistryError } from '../registry/registry-error.ts';
import type { Repository } from '../registry/repository.ts';
import type { Registries } from './open-registries.ts';
import { describeEngine, reachEngine } from './reach-engine.ts';
import type { Tools } from './tools.ts';

type RegistrySource = Extract<CopySource, { readonly kind: 'registry' }>;

/** An image in a registry. */
export interface RemoteImage {
  readonly root: Manifest;
  readonly source: ImageSource;
}

/** Resolves a name to a manifest, once. Throws PluginError: 2 when there is no such image, else what the registry said. */
export async function findInRegistry(
  { reference, display }: RegistrySource,
  plan: Plan,
  { client }: Registries,
  tools: Tools,
  signal: AbortSignal,
): Promise<RemoteImage> {
  const repository = client.repository(reference, 'pull');
  const root = await repository
    .getManifest(reference.digest ?? reference.tag ?? 'latest', signal)
    .catch(async (error: unknown) => {
      // Some registries say "denied" of what does not exist.
      const isAbsence = error instanceof RegistryError && (error.status === 401 || error.status === 403);
      if (isAbsence && (await isInDaemon(display, plan, tools, signal))) throw onlyInDaemon(display, error);
      throw error;
    });
  if (root === undefined) {
    throw (await isInDaemon(display, plan, tools, signal)) ? onlyInDaemon(display) : notFound(display);
  }
  tools.log.info(`source ${repository.name}${reference.tag === undefined ? '' : `:${reference.tag}`}@${root.digest}`);
  return { root, source: asSource(repository) };
}

/** A repository as what is read from. */
export function asSource(repository: Repository): ImageSource {
  return {
    name: repository.name,
    isMountable: true,
    getManifest: ({ digest }, signal) => repository.getManifest(digest, signal),
    openBlob: repository.openBlob.bind(repository),
    listReferrers: repository.listReferrers.bind(repository),
    getTagged: repository.getManifest.bind(repository),
  };
}

/** Only asked of a daemon that answers at once: it would be a hint, nothing more. */
async function isInDaemon(name: string, plan: Plan, { world, log }: Tools, signal: AbortSignal): Promise<boolean> {
  const say = (message: string): void => log.debug(message);
  const quiet: Log = { info: say, warn: say, debug: say };
  try {
    const engine = await reachEngine(plan, { world, log: quiet }, signal, {
      waitSeconds: 0,
      answerLimitMs: hintLimitMs,
    });
    return await hasImage(engine, name, signal);
  } catch (error) {
    signal.throwIfAborted();
    log.debug(`no daemon was asked for ${name}: ${String(error)}`);
    return false;
  }
}

const hintLimitMs = 2000;

/** An image in a daemon, as it can be taken out there. */
export type LocalImage =
  /** A graph-driver store: config and layers, by the id. */
  | { readonly kind: 'layers'; readonly engine: Engine; readonly facts: ImageFacts }
  /** A containerd store: an archive of the image as registries have it, by the name. */
  | { readonly kind: 'archive'; readonly engine: Engine; readonly name: string };

/** Finds an image by name or id. Throws PluginError: 2 when the daemon does not have it, 5 without a daemon. */
export async function findInDaemon(
  { name }: Extract<CopySource, { readonly kind: 'daemon' }>,
  plan: Plan,
  { world, log }: Tools,
  signal: AbortSignal,
): Promise<LocalImage> {
  const engine = await reachEngine(plan, { world, log }, signal);
  const builder = await findBuilder(engine, signal);
  log.info(describeEngine(engine, builder));
  if (!(await hasImage(engine, name, signal))) throw notInDaemon(name, engine.address);
  if (builder.imageStore === 'graphdriver') {
    const facts = await inspectImage(engine, name, signal);
    log.info(`source ${name} of the daemon is ${facts.id}`);
    return { kind: 'layers', engine, facts };
  }
  return { kind: 'archive', engine, name };
}

function notFound(display: string): PluginError {
  return new PluginError({
    code: 'source-not-found',
    exitCode: 2,
    message: `settings.source_image: source ${display} does not exist in its registry`,
    hint: 'check name and tag of source_image; an image that another step built is published by its own step, or through a registry',
  });
}

function onlyInDaemon(display: string, cause?: unknown): PluginError {
  return new PluginError({
    code: 'source-not-found',
    exitCode: 2,
    message: `settings.source_image: source ${display} does not exist in its registry, or is not for this login; the daemon has an image of that name`,
    hint: 'source_from: daemon publishes what the daemon has under the name, whoever wrote it there',
    cause,
  });
}

function notInDaemon(name: string, address: string): PluginError {
  return new PluginError({
    code: 'source-not-found',
    exitCode: 2,
    message: `settings.source_image: source ${name} is not in the daemon at ${address}`,
    hint: 'source_from: registry reads it from its registry',
  });
}
