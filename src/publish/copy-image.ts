// Copies an image that exists to every target, byte for byte: the index with all that it refers to, or the one manifest.
// A target that has it already is asked for nothing but that, and the source then for nothing below the root. Tags last.
import type { Log } from '../base/log.ts';
import { Carrier } from './carrier.ts';
import { waysTo } from './copy-ways.ts';
import { contentOf, type ImageContent, type ImageSource } from './image-source.ts';
import { blobsIn, readImageTree } from './image-tree.ts';
import { mapAll } from './parallel.ts';
import { tagImage, type TaggingOptions } from './tag-image.ts';
import type { BlobStore, LayerEvent, Manifest, Published, PublishTarget, TagStore } from './target.ts';

const parallelRequests = 6;

type Repository = TagStore & BlobStore;

export interface CopyOptions extends TaggingOptions {
  readonly source: ImageSource;
  /** What is copied: an image or an index, as the source has it. */
  readonly root: Manifest;
  readonly targets: readonly PublishTarget<Repository>[];
  readonly log: Log;
  readonly onLayer: (event: LayerEvent) => void;
  /**
   * Looks into the image before any target that does not have it gets a part of it; what it throws ends the run. Not called
   * when all have it: then it keeps nothing from anybody.
   */
  readonly inspect?: ((root: Manifest, content: ImageContent, signal: AbortSignal) => Promise<void>) | undefined;
}

/** An image that is in every target, without a tag. */
export interface Brought extends Pick<Published, 'uploadedBytes' | 'uploadedBlobs' | 'imageBytes'> {
  /** Repositories that hold the root by its digest; the others lack the root alone. */
  readonly staged: ReadonlySet<TagStore>;
}

/** Copies and tags. Throws PluginError: 2 for a source that cannot be copied, else see tagImage. */
export async function copyImage(options: CopyOptions, signal: AbortSignal): Promise<Published> {
  const { root } = options;
  const { staged, ...brought } = await bringImage(options, signal);
  const tags = await tagImage({ ...options, manifest: root, staged }, signal);
  return { digest: root.digest, mediaType: root.mediaType, tags, ...brought };
}

/** Brings the image to every target that does not have it, all but the root. Throws PluginError. */
export async function bringImage(options: CopyOptions, signal: AbortSignal): Promise<Brought> {
  const { source, root, targets, log, onLayer } = options;
  const repositories = targets.map(({ repository }) => repository);
  const staged = await findHolders(options, signal);
  const waiting = repositories.filter((repository) => !staged.has(repository));
  if (waiting.length === 0) return { staged, uploadedBytes: 0, uploadedBlobs: 0, imageBytes: undefined };
  const nodes = await readImageTree(root, source.name, (child) => source.getManifest(child, signal));
  await options.inspect?.(root, contentOf(nodes, source), signal);
  const carrier = new Carrier({ source, nodes, onLayer, log });
  const holders = [...(source.isMountable ? [source] : []), ...staged].map(({ name }) => name);
  const { first, later } = waysTo(waiting, holders);
  await carrier.bring(first, signal);
  if (later.length > 0) {
    // Some registries mount only blobs that a manifest refers to.
    await carrier.stageRoots(first, signal);
    for (const { repository } of first) staged.add(repository);
    await carrier.bring(later, signal);
  }
  const imageBytes = blobsIn(nodes).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { staged, ...carrier.sent, imageBytes };
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
