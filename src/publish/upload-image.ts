// An image that lies somewhere as a config and uncompressed layers (in a graphdriver daemon, in an archive) is brought to the
// registries by this process. As little as possible is read: nothing when the registry has a manifest of this very image,
// only what it does not know otherwise. Tags come last; see tag-image.ts.
import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Digest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { type Clock, systemClock } from '../base/retry.ts';
import type { ImageFacts } from '../engine/inspect-image.ts';
import { collectImage, type ImageReader } from './collect-image.ts';
import { type ImageFormat, isPackedAs, typesOf, usualFormat } from './image-format.ts';
import type { ImageContent } from './image-source.ts';
import { noTagRules, refuseMoves } from './immutable-tags.ts';
import { type KnownBlob, type KnownImage, mapKnownLayers, readKnownImages } from './known-layers.ts';
import { lookAtTags, type TagsSeen } from './look-at-tags.ts';
import { isDistributed, readAnnotations, writeManifest } from './manifest.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import { stageManifest } from './stage-manifest.ts';
import { tagImage, type TaggingOptions } from './tag-image.ts';
import type { BlobStore, LayerEvent, Manifest, Published, PublishTarget, TagStore } from './target.ts';
import { PartUploads } from './part-uploads.ts';
import type { Repair } from './put-manifest.ts';
import { type RepairSource, repairUpload } from './repair-upload.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { type LocalBlob, UploadTally } from './upload-blob.ts';

/** Each holds about 3 MiB: a machine of many processors must not cost more memory than the plugin promises. */
const maxMembersInFlight = 16;

type Target = PublishTarget<TagStore & BlobStore>;

export interface UploadImageOptions extends TaggingOptions {
  /** Of which config and layers the image is. */
  readonly image: ImageFacts;
  /** Where they are read from. */
  readonly reader: ImageReader;
  readonly targets: readonly Target[];
  /** Packed layers pass through a folder made in here (mode 0700). */
  readonly temporaryDirectory: string;
  readonly log: Log;
  readonly onLayer: (event: LayerEvent) => void;
  readonly format?: ImageFormat;
  /**
   * Called when the image is in the first repository and before the first tag moves, if one does; what it throws ends the run.
   * `content` is what of the image is here; without it the repository has to be read.
   */
  readonly beforeTags?: ((manifest: Manifest, content?: ImageContent) => Promise<void>) | undefined;
  readonly clock?: Clock;
  /** Members that are packed at once; twice the processors (16 at most) unless told. */
  readonly parallelism?: number;
}

/** The options with everything filled in, and what was sent so far. */
type Upload = UploadImageOptions &
  Pick<RepairSource, 'format' | 'parallelism' | 'tally'> & { readonly seen: TagsSeen | undefined };

/** Publishes. Throws PluginError: 7 for parts that are not what the image says, else see tagImage. */
export async function uploadImage(options: UploadImageOptions, signal: AbortSignal): Promise<Published> {
  const { image, targets, log, format = usualFormat, parallelism = defaultParallelism() } = options;
  const [first] = targets;
  if (first === undefined) throw new Error('nothing to publish to');
  const tally = new UploadTally(image.diffIds.length, options.onLayer);
  const seen = await look(first, options, signal);
  const upload = { ...options, format, parallelism, tally, seen };
  const isThis = (known: KnownImage): boolean => isImage(known, image.id, format);
  const knownImages = seen === undefined ? [] : await readKnownImages(seen, image, isThis, log, signal);
  refuseKnown(upload, knownImages);
  const reusable = await findReusable(targets, knownImages.filter(isThis), signal);
  if (reusable !== undefined) {
    const { manifest, config, layers } = reusable;
    for (const [position, layer] of layers.entries()) {
      tally.tell(first.repository.name, { ...layer, position: position + 1 }, 'known', 0);
    }
    const staged = new Set([first.repository]);
    return finish(upload, { manifest, config, layers, staged }, signal);
  }
  const known = await confirmKnown(targets, knownImages, image, format, signal);
  return withTemporaryFolder(options.temporaryDirectory, log, (folder) => publishParts(upload, known, folder, signal));
}

/** undefined: this login cannot look, or the registry does not let itself be asked; each step then asks for itself. */
async function look(
  { repository, tags }: Target,
  { clock = systemClock, log }: UploadImageOptions,
  signal: AbortSignal,
): Promise<TagsSeen | undefined> {
  return lookAtTags(repository, tags, () => clock.nowMs(), signal).catch((error: unknown) => {
    signal.throwIfAborted();
    log.debug(`${repository.name} could not be looked at before the upload: ${String(error)}`);
    return undefined;
  });
}

/** Tags that may not be moved, and that surely show another image, are no surprise for the end of a long upload. */
function refuseKnown({ image, seen, rules = noTagRules, log }: Upload, images: readonly KnownImage[]): void {
  if (seen === undefined) return;
  const { repository } = seen;
  const others = new Set(
    images.flatMap(({ manifest, config }) => (config.digest === image.id ? [] : [manifest.digest])),
  );
  const certain = [...seen.digests].flatMap(([tag, before]) =>
    before !== undefined && others.has(before) ? [{ repository, tag, before }] : [],
  );
  refuseMoves(certain, rules, log);
}

/** Uploads what is not known, writes the manifest, brings further repositories of a registry along, and tags. */
async function publishParts(
  upload: Upload,
  known: ReadonlyMap<Digest, KnownBlob>,
  folder: string,
  signal: AbortSignal,
): Promise<Published> {
  const { image, format, tally } = upload;
  const { primary, secondary } = splitByRegistry(upload.targets);
  tellKnown(upload.targets, image, known, tally);
  const repositories = primary.map(({ repository }) => repository);
  const empty = new Set(upload.seen?.isNew === true ? [upload.seen.repository] : []);
  const uploads = new PartUploads({ repositories, tally, empty, keepFiles: secondary.length > 0 }, signal);
  try {
    const onPart = uploads.start.bind(uploads);
    const { layers: packed, ...collected } = await collectImage({ ...upload, known, folder, onPart }, uploads.signal);
    await uploads.finish();
    const blobs = new Map([...known, ...packed]);
    const layers = image.diffIds.flatMap((diffId) => blobs.get(diffId) ?? []);
    const written = { manifest: writeManifest(format, collected.config, layers), ...collected, layers };
    const staged = await publishFurther(upload, written, { primary, secondary }, uploads.parts, signal);
    return await finish(upload, { ...written, staged }, signal);
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

/** A manifest, and what it refers to. */
interface Written {
  readonly manifest: Manifest;
  readonly config: KnownBlob;
  readonly configBytes?: Uint8Array;
  /** In the order of the image's diffIDs. */
  readonly layers: readonly KnownBlob[];
}

/**
 * Further repositories on a registry mount what the first one got. Some registries mount only blobs that a manifest
 * refers to, so the first repository's manifest goes up before. @returns the repositories that hold the manifest
 */
async function publishFurther(
  upload: Upload,
  written: Written,
  { primary, secondary }: ReturnType<typeof splitByRegistry>,
  parts: readonly LocalBlob[],
  signal: AbortSignal,
): Promise<ReadonlySet<TagStore>> {
  if (secondary.length === 0) return new Set();
  const repair = repairOf(upload, written);
  await mapAll(primary, parallelRequests, ({ repository }) =>
    stageManifest(repository, written.manifest, signal, repair),
  );
  const transfers = secondary.flatMap(({ target, mountFrom }) => parts.map((part) => ({ target, mountFrom, part })));
  await mapAll(transfers, parallelRequests, ({ target, mountFrom, part }) =>
    upload.tally.send(target.repository, part, signal, mountFrom),
  );
  return new Set(primary.map(({ repository }) => repository));
}

function repairOf(upload: Upload, { config, layers }: Written): Repair {
  const { image, targets } = upload;
  const packed = image.diffIds.flatMap((diffId, at) =>
    layers[at] === undefined ? [] : [[diffId, layers[at]] as const],
  );
  const repositories = targets.map(({ repository }) => repository);
  return repairUpload({ ...upload, repositories, blobs: new Map([...packed, [image.id, config]]) });
}

async function finish(
  upload: Upload,
  written: Written & { readonly staged: ReadonlySet<TagStore> },
  signal: AbortSignal,
): Promise<Published> {
  const { manifest, config, configBytes, layers, staged } = written;
  const content = configBytes && { getManifest: async () => undefined, readBlob: async () => configBytes };
  const beforeMoves = (): Promise<void> | undefined => upload.beforeTags?.(manifest, content);
  const tags = await tagImage({ ...upload, manifest, staged, repair: repairOf(upload, written), beforeMoves }, signal);
  const sizes = new Map([config, ...layers].map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  return {
    digest: manifest.digest,
    mediaType: manifest.mediaType,
    tags,
    uploadedBytes: upload.tally.uploadedBytes,
    uploadedBlobs: upload.tally.uploadedBlobs,
    imageBytes: [...sizes.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0),
  };
}

/** One of these images that every target has or can be given at once. */
async function findReusable(
  targets: readonly Target[],
  images: readonly KnownImage[],
  signal: AbortSignal,
): Promise<KnownImage | undefined> {
  const [, ...others] = targets;
  for (const image of images) {
    const everywhere = await mapAll(others, parallelRequests, async ({ repository }) => {
      if ((await repository.headManifest(image.manifest.digest, signal)) !== undefined) return true;
      return hasAll(repository, [image.config, ...image.layers], signal);
    });
    if (everywhere.every(Boolean)) return image;
  }
  return undefined;
}

/** Whether this is exactly the image, written as it would be written now. */
function isImage({ config, ...image }: KnownImage, id: Digest, format: ImageFormat): boolean {
  return config.digest === id && isWrittenAs(format, image);
}

/** Whether a manifest is what would be written now. */
function isWrittenAs(format: ImageFormat, { manifest, layers }: Omit<KnownImage, 'config'>): boolean {
  const fits = layers.every((layer) => !isDistributed(layer) || isPackedAs(format.compression, layer.mediaType));
  return (
    manifest.mediaType === typesOf(format).manifest &&
    fits &&
    isDeepStrictEqual(readAnnotations(manifest), format.annotations ?? {})
  );
}

/** By diffID, the known layers that every target really has; by image id, the config if it is known too. */
async function confirmKnown(
  targets: readonly Target[],
  images: readonly KnownImage[],
  image: ImageFacts,
  { compression }: ImageFormat,
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, KnownBlob>> {
  const [first] = targets;
  if (first === undefined || images.length === 0) return new Map();
  const configs = images.flatMap(({ config }) => (config.digest === image.id ? [[image.id, config] as const] : []));
  const candidates = [
    ...(await mapKnownLayers(first.repository, images, { ...image, compression }, signal)),
    ...configs,
  ];
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
