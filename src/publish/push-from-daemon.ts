// Publish path A: BuildKit in the daemon has pushed the image by digest (containerd image store) to the repositories of one
// registry. What is left is to see that it arrived whole, to copy it from there to other registries, and to move the tags.
import { setTimeout as delay } from 'node:timers/promises';
import { type Digest, sha256 } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { readUntil } from './await-visible.ts';
import { bringImage } from './copy-image.ts';
import { noTagRules, refuseEarly } from './immutable-tags.ts';
import type { ImageSource } from './image-source.ts';
import { type Descriptor, isDistributed, parseManifest } from './manifest.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import type { Repair } from './put-manifest.ts';
import { tagImage, type TaggingOptions } from './tag-image.ts';
import {
  type BlobStore,
  type LayerEvent,
  type Manifest,
  type Published,
  type PublishTarget,
  replicaPatience,
  type ReplicaPatience,
  type TagStore,
} from './target.ts';
import type { Content } from './verify-content.ts';

export interface PushFromDaemonOptions extends TaggingOptions {
  readonly targets: readonly PublishTarget<TagStore & BlobStore & Content>[];
  /** Of the manifest or index, as the solve reported it. */
  readonly digest: Digest;
  /** Where the daemon has pushed it to, `host/path`; at least one of the targets. */
  readonly repositories: readonly string[];
  /** Reads from a target, for the others. */
  readonly sourceAt: (name: string) => ImageSource;
  readonly onLayer: (event: LayerEvent) => void;
  readonly log: Log;
  /** Called when the image was found in every repository and no tag has moved; what it throws ends the run. */
  readonly beforeTags?: ((manifest: Manifest) => Promise<void>) | undefined;
}

/** Verifies the pushed image in every repository, then tags it. Throws PluginError; see tagImage for its state lines. */
export async function publishFromDaemonPush(options: PushFromDaemonOptions, signal: AbortSignal): Promise<Published> {
  const { targets, digest, repositories, patience = replicaPatience } = options;
  const pushed = targets.filter(({ repository }) => repositories.includes(repository.name));
  const found = await mapAll(pushed, parallelRequests, async ({ repository }) => {
    const manifest = await readPushed(repository, digest, patience, signal);
    return { repository, manifest, parts: await partsOf(repository, manifest, patience, signal) };
  });
  const [first] = found;
  if (first === undefined) throw new Error('the daemon has pushed to none of the targets');
  const { manifest, parts } = first;
  const imageBytes = sizeOf(parts.blobs);
  const others = targets.filter((target) => !pushed.includes(target));
  // The copies are judged where they are made.
  if (others.length > 0) await refuseEarly(pushed, digest, options.rules ?? noTagRules, options.log, signal);
  const copied =
    others.length === 0
      ? undefined
      : await bringImage(
          { ...options, targets: others, root: manifest, source: options.sourceAt(first.repository.name) },
          signal,
        );
  await options.beforeTags?.(manifest);
  const look = lookAgain(pushed, parts, patience);
  const repair: Repair = (repository, ...rest) =>
    copied !== undefined && others.some((target) => target.repository === repository)
      ? copied.repair(repository, ...rest)
      : look(repository, ...rest);
  const staged = new Set<TagStore>([...pushed.map(({ repository }) => repository), ...(copied?.staged ?? [])]);
  const tags = await tagImage({ ...options, manifest, staged, patience, repair: options.repair ?? repair }, signal);
  const { uploadedBytes = 0, uploadedBlobs = 0 } = copied ?? {};
  return { digest, mediaType: manifest.mediaType, tags, uploadedBytes, uploadedBlobs, imageBytes };
}

async function readPushed(
  repository: TagStore,
  digest: Digest,
  patience: ReplicaPatience,
  signal: AbortSignal,
): Promise<Manifest> {
  const get = () => repository.getManifest(digest, signal);
  const manifest = await readUntil(get, (answer) => answer !== undefined, patience, signal);
  if (manifest === undefined) {
    throw new PluginError({
      code: 'manifest-missing',
      exitCode: 4,
      message: `target ${repository.name} does not show ${digest}, which the daemon has just pushed to it`,
      hint: 'check that daemon and step reach the same registry under this name, and that the login may pull as well',
    });
  }
  const actual = sha256(manifest.bytes);
  if (actual === digest) return manifest;
  throw new PluginError({
    code: 'integrity',
    exitCode: 7,
    message: `target ${repository.name} answered with bytes of ${actual} when asked for ${digest}; no tag was touched`,
  });
}

/** What has to be in a repository beside the root. */
interface Parts {
  readonly blobs: readonly Descriptor[];
  /** The manifests of an index. */
  readonly children: readonly Digest[];
}

/** What an image is made of, or all images of an index, whose manifests must be there as well. */
async function partsOf(
  repository: TagStore,
  manifest: Manifest,
  patience: ReplicaPatience,
  signal: AbortSignal,
): Promise<Parts> {
  const parsed = parseManifest(manifest);
  if (parsed === undefined) {
    throw new PluginError({
      code: 'integrity',
      exitCode: 7,
      message: `target ${repository.name} holds ${manifest.digest} as "${manifest.mediaType}", which is no image; no tag was touched`,
    });
  }
  if (parsed.kind === 'image') return { blobs: [parsed.config, ...parsed.layers], children: [] };
  const blobs = await mapAll(parsed.children, parallelRequests, async (child) => {
    const childManifest = await readPushed(repository, child.digest, patience, signal);
    const image = parseManifest(childManifest);
    return image?.kind === 'image' ? [image.config, ...image.layers] : [];
  });
  return { blobs: blobs.flat(), children: parsed.children.map((child) => child.digest) };
}

/** Only the daemon could bring a part again; but a registry that misses one may just not have seen it yet. */
function lookAgain(
  targets: PushFromDaemonOptions['targets'],
  { blobs, children }: Parts,
  patience: ReplicaPatience,
): Repair {
  return async ({ name }, _, signal) => {
    const store = targets.find(({ repository }) => repository.name === name)?.repository;
    if (store === undefined) return;
    // Also what shows every part may need the moment: another replica than the one that shows them may have refused.
    await delay(patience.waitMs, undefined, { signal });
    const looks = [
      ...blobs.filter(isDistributed).map(
        ({ digest }) =>
          () =>
            store.hasBlob(digest, signal),
      ),
      ...children.map((digest) => async () => (await store.headManifest(digest, signal)) !== undefined),
    ];
    const there = await mapAll(looks, parallelRequests, (look) =>
      readUntil(look, (isThere) => isThere, patience, signal),
    );
    if (there.every((isThere) => isThere)) return;
    throw new PluginError({
      code: 'blob-lost',
      exitCode: 4,
      message: `target ${name} has lost a part of the image that the daemon had pushed to it`,
      hint: 'run the step again: it is pushed anew then',
    });
  };
}

/** Each blob counts once: the platforms of an image may share layers. */
function sizeOf(blobs: readonly Descriptor[]): number {
  const sizes = new Map(blobs.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  return [...sizes.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
}
