// Which layers the target repository holds already, by the digest of their uncompressed bytes: read from the manifests
// and configs of tags that are there. A layer found here is neither compressed nor uploaded again. Only the target
// repository is asked: a config could lie about its layers, and its writers are trusted with the image anyway.
import type { Digest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { type Compression, isPackedAs } from './image-format.ts';
import type { TagsSeen } from './look-at-tags.ts';
import { type Descriptor, parseManifest, readDiffIds } from './manifest.ts';
import { mapAll, settleAll } from './parallel.ts';
import type { BlobStore, Manifest, TagStore } from './target.ts';

/** Each costs two or three requests, all in parallel; the newest tags share nearly all of their layers. */
const maxManifests = 8;
const parallelReads = 6;
const maxConfigBytes = 8 * 1024 * 1024;

/** Seekable layers work by their annotations, which our manifest does not carry. */
const seekableAnnotations = ['containerd.io/snapshot/stargz/', 'io.github.containers.zstd-chunked.'];

export interface KnownBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** One image manifest of the repository. */
export interface KnownImage {
  readonly manifest: Manifest;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface WantedPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/**
 * Reads the image manifests behind tags that were looked at, and behind `latest`; of an index the child for the platform. What
 * cannot be read is left out, and nothing more is read once `isEnough` says so of an image.
 */
export async function readKnownImages(
  { repository, digests, manifests, isNew }: Omit<TagsSeen, 'atMs'>,
  platform: WantedPlatform,
  isEnough: (image: KnownImage) => boolean,
  log: Log,
  signal: AbortSignal,
): Promise<readonly KnownImage[]> {
  const images = new Map<Digest, KnownImage>();
  const read = async (references: readonly string[]): Promise<void> => {
    const results = await settleAll(references, parallelReads, (reference) =>
      readImage(repository, reference, manifests, platform, signal),
    );
    signal.throwIfAborted();
    for (const [position, result] of results.entries()) {
      if (result.status === 'fulfilled') {
        if (result.value !== undefined) images.set(result.value.manifest.digest, result.value);
      } else {
        const what = `${repository.name} ${references[position] ?? ''}`;
        log.debug(`${what} could not be read for known layers: ${String(result.reason)}`);
      }
    }
  };
  await read([...manifests.keys()]);
  if (isNew || [...images.values()].some(isEnough)) return [...images.values()];
  const others = [...new Set(digests.values())].filter((digest) => digest !== undefined && !manifests.has(digest));
  const latest = digests.has('latest') ? [] : ['latest'];
  await read([...others.filter((digest) => digest !== undefined), ...latest].slice(0, maxManifests));
  return [...images.values()];
}

/**
 * Maps diffIDs to blobs of the repository. Blobs are not looked for here: confirm each with `hasBlob` before relying on it.
 *
 * @param image what is being published; an image of the repository with its id needs no config to be read
 */
export async function mapKnownLayers(
  repository: BlobStore,
  images: readonly KnownImage[],
  image: { readonly id: Digest; readonly diffIds: readonly Digest[]; readonly compression: Compression },
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, KnownBlob>> {
  const wanted = new Set(image.diffIds);
  const pairs = await mapAll(images, parallelReads, async ({ config, layers }) => {
    const diffIds =
      config.digest === image.id
        ? image.diffIds
        : await repository.readBlob(config.digest, maxConfigBytes, signal).then(readDiffIds, () => undefined);
    signal.throwIfAborted();
    return { diffIds: diffIds ?? [], layers };
  });
  const known = new Map<Digest, KnownBlob>();
  for (const { diffIds, layers } of pairs) {
    if (diffIds.length !== layers.length) continue;
    for (const [position, layer] of layers.entries()) {
      const diffId = diffIds[position];
      if (diffId === undefined || !wanted.has(diffId) || known.has(diffId)) continue;
      if (!isReusable(layer, image.compression)) continue;
      known.set(diffId, { digest: layer.digest, sizeBytes: layer.sizeBytes });
    }
  }
  return known;
}

function isReusable(layer: Descriptor, compression: Compression): boolean {
  const seekable = Object.keys(layer.annotations).some((name) =>
    seekableAnnotations.some((prefix) => name.startsWith(prefix)),
  );
  return isPackedAs(compression, layer.mediaType) && !seekable;
}

async function readImage(
  repository: TagStore,
  reference: string,
  seen: TagsSeen['manifests'],
  platform: WantedPlatform,
  signal: AbortSignal,
): Promise<KnownImage | undefined> {
  const manifest = seen.get(reference as Digest) ?? (await repository.getManifest(reference, signal));
  if (manifest === undefined) return undefined;
  const parsed = parseManifest(manifest);
  if (parsed === undefined) return undefined;
  if (parsed.kind === 'image') return { manifest, config: parsed.config, layers: parsed.layers };
  const child = parsed.children.find((descriptor) => fits(descriptor, platform));
  const childManifest = child === undefined ? undefined : await repository.getManifest(child.digest, signal);
  if (childManifest === undefined) return undefined;
  const image = parseManifest(childManifest);
  return image?.kind === 'image' ? { manifest: childManifest, config: image.config, layers: image.layers } : undefined;
}

/** Attestation children are of platform unknown/unknown and so never fit. */
function fits({ platform }: Descriptor, wanted: WantedPlatform): boolean {
  if (platform?.os !== wanted.os || platform.architecture !== wanted.architecture) return false;
  return wanted.variant === undefined || platform.variant === undefined || platform.variant === wanted.variant;
}
