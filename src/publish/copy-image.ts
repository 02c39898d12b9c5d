// Copies an image that exists to every target, byte for byte: the index with all that it refers to, or the one manifest.
// A target that has it already is asked for nothing but that, and the source then for nothing below the root. Tags last.
import type { Log } from '../base/log.ts';
import { Carrier } from './carrier.ts';
import { waysTo, type Way } from './copy-ways.ts';
import { noTagRules, refuseEarly } from './immutable-tags.ts';
import { contentOf, type ImageContent, type ImageSource } from './image-source.ts';
import { copyReferrers } from './copy-referrers.ts';
import { findReferrers } from './find-referrers.ts';
import { blobsIn, readImageTree, type TreeNode } from './image-tree.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import type { Repair } from './put-manifest.ts';
import { keepSmallBlobs } from './small-blobs.ts';
import { type ReferrerTag, withReferrerTags } from './set-referrer-tags.ts';
import { tagImage, type TaggingOptions } from './tag-image.ts';
import type { BlobStore, LayerEvent, Manifest, Published, PublishTarget, ReferrerStore, TagStore } from './target.ts';

type Repository = TagStore & BlobStore & Partial<ReferrerStore>;

export interface CopyOptions extends TaggingOptions {
  readonly source: ImageSource;
  /** What is copied: an image or an index, as the source has it. */
  readonly root: Manifest;
  readonly targets: readonly PublishTarget<Repository>[];
  readonly log: Log;
  readonly onLayer: (event: LayerEvent) => void;
  /** Also what refers to the image and to all that it holds. */
  readonly referrers?: boolean;
  /**
   * Looks into the image before any target that does not have it gets a part of it; what it throws ends the run. Not called
   * when all have it and the source is a registry: then it keeps nothing from anybody, and would cost a request for each part.
   */
  readonly inspect?: ((root: Manifest, content: ImageContent, signal: AbortSignal) => Promise<void>) | undefined;
}

/** An image that is in every target, without a tag. */
export interface Brought extends Pick<Published, 'uploadedBytes' | 'uploadedBlobs' | 'imageBytes'> {
  /** Repositories that hold the root by its digest; the others lack the root alone. */
  readonly staged: ReadonlySet<TagStore>;
  /** Brings again what a target has lost of it. */
  readonly repair: Repair;
  /** What has to be set before the tags of the image. */
  readonly referrerTags: readonly ReferrerTag[];
}

/** Copies and tags. Throws PluginError: 2 for a source that cannot be copied, else see tagImage. */
export async function copyImage(options: CopyOptions, signal: AbortSignal): Promise<Published> {
  const { root } = options;
  const { staged, repair, referrerTags, ...brought } = await bringImage(options, signal);
  const tag = () => tagImage({ ...options, manifest: root, staged, repair }, signal);
  const tags = await withReferrerTags(referrerTags, tag, options.log, signal);
  return { digest: root.digest, mediaType: root.mediaType, tags, ...brought };
}

/** Brings the image to every target that does not have it, all but the root. Throws PluginError. */
export async function bringImage(given: CopyOptions, signal: AbortSignal): Promise<Brought> {
  const options = { ...given, source: keepSmallBlobs(given.source) };
  const { targets } = options;
  const repositories = targets.map(({ repository }) => repository);
  const staged = await findHolders(options, signal);
  const waiting = repositories.filter((repository) => !staged.has(repository));
  if (waiting.length > 0 || options.referrers === true)
    await refuseEarly(targets, options.root.digest, options.rules ?? noTagRules, options.log, signal);
  let opening: Promise<Opened> | undefined;
  const open = (): Promise<Opened> => (opening ??= openImage(options, signal));
  const repair: Repair = async ({ name }, { digest }, stop) => {
    const repository = repositories.find((candidate) => candidate.name === name);
    if (repository !== undefined) await (await open()).carrier.repair({ repository }, digest, stop);
  };
  const isWorthALook = waiting.length > 0 || !options.source.isMountable;
  if (options.inspect !== undefined && isWorthALook) {
    await options.inspect(options.root, contentOf((await open()).nodes, options.source), signal);
  }
  const parts =
    waiting.length === 0
      ? { uploadedBytes: 0, uploadedBlobs: 0, imageBytes: undefined }
      : await bringParts(waiting, staged, await open(), options, signal);
  if (options.referrers !== true) return { staged, repair, referrerTags: [], ...parts };
  const more = await bringReferrers((await open()).nodes, options, signal);
  return {
    staged,
    repair,
    referrerTags: more.tags,
    ...parts,
    uploadedBytes: parts.uploadedBytes + more.uploadedBytes,
    uploadedBlobs: parts.uploadedBlobs + more.uploadedBlobs,
  };
}

/** An image of which everything is known but the bytes of its blobs. */
interface Opened {
  readonly nodes: readonly TreeNode[];
  readonly carrier: Carrier;
}

async function openImage({ source, root, onLayer, log }: CopyOptions, signal: AbortSignal): Promise<Opened> {
  const nodes = await readImageTree(root, source.name, (child) => source.getManifest(child, signal));
  return { nodes, carrier: new Carrier({ source, nodes, onLayer, log }) };
}

/** Brings the parts of the image to repositories that do not have it. */
async function bringParts(
  waiting: readonly Repository[],
  staged: Set<TagStore>,
  { nodes, carrier }: Opened,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<Pick<Brought, 'uploadedBytes' | 'uploadedBlobs' | 'imageBytes'>> {
  const { source, log, referrers = false } = options;
  const holders = [...(source.isMountable ? [source] : []), ...staged].map(({ name }) => name);
  const fresh = await findNew(waiting, log, signal);
  const { first, later } = waysTo(waiting, holders, fresh);
  const stage = async (ways: readonly Way[]): Promise<void> => {
    await carrier.stageRoots(ways, signal);
    for (const { repository } of ways) staged.add(repository);
  };
  await carrier.bring(first, signal);
  // Some registries mount only blobs that a manifest refers to, and keep only what refers to a manifest that they have.
  if (later.length > 0 || referrers) await stage(first);
  await carrier.bring(later, signal);
  if (referrers) await stage(later);
  for (const { name } of waiting) log.info(carrier.describe(name));
  const imageBytes = blobsIn(nodes).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { ...carrier.sent, imageBytes };
}

async function bringReferrers(
  nodes: readonly TreeNode[],
  { source, targets, log }: CopyOptions,
  signal: AbortSignal,
): ReturnType<typeof copyReferrers> {
  const levels = await findReferrers(nodes, source, log, signal);
  if (levels.length === 0) log.info(`nothing in ${source.name} refers to the image`);
  const repositories = targets.map(({ repository }) => repository);
  return copyReferrers({ source, repositories, levels, log }, signal);
}

/** Repositories that their registry does not know: one question in the place of one for each blob. */
async function findNew(
  repositories: readonly Repository[],
  log: Log,
  signal: AbortSignal,
): Promise<ReadonlySet<TagStore>> {
  const unknown = await mapAll(repositories, parallelRequests, async (repository) => {
    try {
      return (await repository.isUnknown?.(signal)) === true;
    } catch (error) {
      signal.throwIfAborted();
      // Some logins may write and not list; each blob is looked for then.
      log.debug(`whether ${repository.name} is new is not known: ${String(error)}`);
      return false;
    }
  });
  return new Set(repositories.filter((_, position) => unknown[position]));
}

/** The targets that have the root, hence all below it. */
async function findHolders({ source, root, targets, log }: CopyOptions, signal: AbortSignal): Promise<Set<TagStore>> {
  const holders = new Set<TagStore>();
  await mapAll(targets, parallelRequests, async ({ repository }) => {
    const isSource = source.isMountable && repository.name === source.name;
    if (!isSource && (await repository.headManifest(root.digest, signal)) === undefined) return;
    log.info(`${repository.name} has ${root.digest} already`);
    holders.add(repository);
  });
  return holders;
}
