// Publish path B2: the image lies in a graphdriver daemon under a temporary name, and this process brings it to the
// registry. As little as possible is taken out of the daemon: nothing when the registry has a manifest of this very
// image, only what it does not know otherwise. Tags come last; see tag-image.ts.
import { availableParallelism } from 'node:os';
import type { Digest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { Engine } from '../engine/connect.ts';
import { type ImageFacts, inspectImage } from '../engine/inspect-image.ts';
import { collectImage } from './collect-image.ts';
import { defaultCompressionLevel } from './compress-layer.ts';
import { type KnownBlob, type KnownImage, mapKnownLayers, readKnownImages } from './known-layers.ts';
import { mediaTypes, writeDockerManifest } from './manifest.ts';
import { mapAll } from './parallel.ts';
import { stageManifest } from './stage-manifest.ts';
import { tagImage, type TaggingOptions } from './tag-image.ts';
import type { BlobStore, LayerEvent, Manifest, Published, PublishTarget, TagStore } from './target.ts';
import { PartUploads } from './part-uploads.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { type LocalBlob, UploadTally } from './upload-blob.ts';

const parallelRequests = 6;
/** Each holds about 3 MiB: a machine of many processors must not cost more memory than the plugin promises. */
const maxMembersInFlight = 16;

type Target = PublishTarget<TagStore & BlobStore>;

export interface UploadFromDaemonOptions extends TaggingOptions {
  readonly engine: Pick<Engine, 'docker' | 'transport' | 'versionPrefix'>;
  /** The temporary name in the daemon. It is not removed here. */
  readonly name: string;
  /** What the solve reported: the digest of the image's config. */
  readonly id: Digest;
  readonly targets: readonly Target[];
  /** Compressed layers pass through a folder made in here (mode 0700). */
  readonly temporaryDirectory: string;
  readonly log: Log;
  readonly onLayer: (event: LayerEvent) => void;
  readonly compressionLevel?: number;
  /** Called when the image is in the first repository and no tag has moved; what it throws ends the run. */
  readonly beforeTags?: ((manifest: Manifest) => Promise<void>) | undefined;
  /** gzip members at once; twice the processors (16 at most) unless told. */
  readonly parallelism?: number;
}

/** Publishes. Throws PluginError: 7 for an image that is not the one that was built, else see tagImage. */
export async function uploadFromDaemon(options: UploadFromDaemonOptions, signal: AbortSignal): Promise<Published> {
  const { engine, name, id, targets, log } = options;
  const [first] = targets;
  if (first === undefined) throw new Error('nothing to publish to');
  const image = await inspectImage(engine, name, signal);
  if (image.id !== id) throw replaced(name, id, image.id);
  if (image.diffIds.length === 0) throw empty();
  const tally = new UploadTally(image.diffIds.length, options.onLayer);
  const knownImages = await readKnownImages(first.repository, first.tags, image, log, signal);
  const reusable = await findReusable(targets, knownImages, id, signal);
  if (reusable !== undefined) {
    const { manifest, config, layers } = reusable;
    for (const [position, layer] of layers.entries()) {
      tally.tell(first.repository.name, { ...layer, position: position + 1 }, 'known', 0);
    }
    return tagged(options, manifest, new Set([first.repository]), [config, ...layers], tally, signal);
  }
  const known = await confirmKnown(targets, knownImages, image, signal);
  return withTemporaryFolder(options.temporaryDirectory, log, (folder) =>
    publishParts(options, image, known, folder, tally, signal),
  );
}

/** Uploads what is not known, writes the manifest, brings further repositories of a registry along, and tags. */
async function publishParts(
  options: UploadFromDaemonOptions,
  image: ImageFacts,
  known: ReadonlyMap<Digest, KnownBlob>,
  folder: string,
  tally: UploadTally,
  signal: AbortSignal,
): Promise<Published> {
  const { primary, secondary } = splitByRegistry(options.targets);
  tellKnown(options.targets, image, known, tally);
  const repositories = primary.map(({ repository }) => repository);
  const uploads = new PartUploads({ repositories, tally, keepFiles: secondary.length > 0 }, signal);
  try {
    const { compressionLevel: level = defaultCompressionLevel, parallelism = defaultParallelism() } = options;
    const onPart = uploads.start.bind(uploads);
    const { engine, name } = options;
    const collected = await collectImage(
      { engine, name, image, known, folder, level, parallelism, onPart },
      uploads.signal,
    );
    await uploads.finish();
    const blobs = new Map([...known, ...collected.layers]);
    const layers = image.diffIds.flatMap((diffId) => blobs.get(diffId) ?? []);
    const manifest = writeDockerManifest(collected.config, layers);
    const staged = await publishFurther(manifest, primary, secondary, uploads.parts, tally, signal);
    return await tagged(options, manifest, staged, [collected.config, ...layers], tally, signal);
  } finally {
    await uploads.end();
  }
}

function tellKnown(
  targets: readonly Target[],
  image: ImageFacts,
  known: ReadonlyMap<Digest, KnownBlob>,
  tally: UploadTally,
): void {
  for (const [position, diffId] of image.diffIds.entries()) {
    const blob = known.get(diffId);
    if (blob === undefined) continue;
    for (const { repository } of targets) tally.tell(repository.name, { ...blob, position: position + 1 }, 'known', 0);
  }
}

function defaultParallelism(): number {
  return Math.min(2 * availableParallelism(), maxMembersInFlight);
}

/**
 * Further repositories on a registry mount what the first one got. Some registries mount only blobs that a manifest
 * refers to, so the first repository's manifest goes up before. @returns the repositories that hold the manifest
 */
async function publishFurther(
  manifest: Manifest,
  primary: readonly Target[],
  secondary: readonly { readonly target: Target; readonly mountFrom: string }[],
  blobs: readonly LocalBlob[],
  tally: UploadTally,
  signal: AbortSignal,
): Promise<ReadonlySet<TagStore>> {
  if (secondary.length === 0) return new Set();
  await mapAll(primary, parallelRequests, ({ repository }) => stageManifest(repository, manifest, signal));
  const transfers = secondary.flatMap(({ target, mountFrom }) => blobs.map((blob) => ({ target, mountFrom, blob })));
  await mapAll(transfers, parallelRequests, ({ target, mountFrom, blob }) =>
    tally.send(target.repository, blob, signal, mountFrom),
  );
  return new Set(primary.map(({ repository }) => repository));
}

async function tagged(
  options: UploadFromDaemonOptions,
  manifest: Manifest,
  staged: ReadonlySet<TagStore>,
  blobs: readonly KnownBlob[],
  tally: UploadTally,
  signal: AbortSignal,
): Promise<Published> {
  await options.beforeTags?.(manifest);
  const tags = await tagImage({ ...options, manifest, staged }, signal);
  const sizes = new Map(blobs.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  return {
    digest: manifest.digest,
    mediaType: manifest.mediaType,
    tags,
    uploadedBytes: tally.uploadedBytes,
    uploadedBlobs: tally.uploadedBlobs,
    imageBytes: [...sizes.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0),
  };
}

/** A manifest of exactly this image, of the family that we write, that every target has or can be given at once. */
async function findReusable(
  targets: readonly Target[],
  images: readonly KnownImage[],
  id: Digest,
  signal: AbortSignal,
): Promise<KnownImage | undefined> {
  const [, ...others] = targets;
  for (const image of images) {
    if (image.config.digest !== id || image.manifest.mediaType !== mediaTypes.dockerManifest) continue;
    const everywhere = await mapAll(others, parallelRequests, async ({ repository }) => {
      if ((await repository.headManifest(image.manifest.digest, signal)) !== undefined) return true;
      return hasAll(repository, [image.config, ...image.layers], signal);
    });
    if (everywhere.every(Boolean)) return image;
  }
  return undefined;
}

/** By diffID, the known layers that every target really has; by image id, the config if it is known too. */
async function confirmKnown(
  targets: readonly Target[],
  images: readonly KnownImage[],
  image: ImageFacts,
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, KnownBlob>> {
  const [first] = targets;
  if (first === undefined || images.length === 0) return new Map();
  const configs = images.flatMap(({ config }) => (config.digest === image.id ? [[image.id, config] as const] : []));
  const candidates = [...(await mapKnownLayers(first.repository, images, image, signal)), ...configs];
  const present = await mapAll(candidates, parallelRequests, ([, blob]) =>
    mapAll(targets, targets.length, ({ repository }) => repository.hasBlob(blob.digest, signal)),
  );
  return new Map(candidates.filter((_, position) => present[position]?.every(Boolean) === true));
}

async function hasAll(repository: BlobStore, blobs: readonly KnownBlob[], signal: AbortSignal): Promise<boolean> {
  const present = await mapAll(blobs, parallelRequests, ({ digest }) => repository.hasBlob(digest, signal));
  return present.every(Boolean);
}

/** The first target of each registry gets uploads; the others get mounts from it. */
function splitByRegistry(targets: readonly Target[]): {
  readonly primary: readonly Target[];
  readonly secondary: readonly { readonly target: Target; readonly mountFrom: string }[];
} {
  const primary = new Map<string, Target>();
  const secondary: { target: Target; mountFrom: string }[] = [];
  for (const target of targets) {
    const [host = ''] = target.repository.name.split('/', 1);
    const first = primary.get(host);
    if (first === undefined) primary.set(host, target);
    else secondary.push({ target, mountFrom: first.repository.name.slice(host.length + 1) });
  }
  return { primary: [...primary.values()], secondary };
}

function empty(): PluginError {
  return new PluginError({
    code: 'empty-image',
    exitCode: 2,
    message:
      'the image has no files at all, and a daemon with a graph-driver image store cannot hand out such an image',
    hint: 'let the Dockerfile copy or make a file, or use a daemon with the containerd image store',
  });
}

function replaced(name: string, built: Digest, found: Digest): PluginError {
  return new PluginError({
    code: 'image-replaced',
    exitCode: 7,
    message: `daemon: ${name} is ${found}, and ${built} was built under that name`,
    hint: 'something else on the daemon writes names under docker-build.invalid/; nothing was published',
  });
}
