// Copies an image that exists to every target, byte for byte: the index with all that it refers to, or the one manifest. What
// a target has already is left alone; what its registry has elsewhere is mounted; the rest is streamed through, without a
// file in between. Children go before what names them, and the tags last of all.
import type { Readable } from 'node:stream';
import type { Digest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { blobsIn, readImageTree, type TreeBlob, type TreeNode } from './image-tree.ts';
import { allOrStop, mapAll } from './parallel.ts';
import { stageManifest } from './stage-manifest.ts';
import { tagImage, type TaggingOptions } from './tag-image.ts';
import type { BlobStore, LayerEvent, Manifest, Published, PublishTarget, TagStore } from './target.ts';
import { UploadTally } from './upload-blob.ts';

/** Each streamed blob holds two connections, and a pool has 16 to one origin: more would wait for themselves. */
const parallelTransfers = 6;
const parallelRequests = 6;

/** Where an image is read from. */
export interface ImageSource {
  /** `host/path`, or whatever tells people where it is. */
  readonly name: string;
  /** Its registry can mount from it. */
  readonly isMountable: boolean;
  /** undefined = absent. */
  getManifest(
    manifest: { readonly digest: Digest; readonly mediaType: string },
    signal: AbortSignal,
  ): Promise<Manifest | undefined>;
  /** A fresh stream of a blob, which fails before its end when the bytes are not those of the digest. */
  openBlob(blob: { readonly digest: Digest; readonly sizeBytes: number }, signal: AbortSignal): Readable;
}

type Target = PublishTarget<TagStore & BlobStore>;

export interface CopyOptions extends TaggingOptions {
  readonly source: ImageSource;
  /** What is copied: an image or an index, as the source has it. */
  readonly root: Manifest;
  readonly targets: readonly Target[];
  readonly log: Log;
  readonly onLayer: (event: LayerEvent) => void;
}

/** Copies and tags. Throws PluginError: 2 for a source that cannot be copied, else see tagImage. */
export async function copyImage(options: CopyOptions, signal: AbortSignal): Promise<Published> {
  const { source, root, targets, log } = options;
  const nodes = await readImageTree(root, source.name, (child) => source.getManifest(child, signal));
  const blobs = blobsIn(nodes);
  const copy = new Copy(options, nodes, blobs);
  const staged = new Set<TagStore>();
  await mapAll(targets, parallelRequests, async ({ repository }) => {
    if ((await repository.headManifest(root.digest, signal)) === undefined) return;
    log.info(`${repository.name} has ${root.digest} already`);
    staged.add(repository);
  });
  const waiting = targets.filter(({ repository }) => !staged.has(repository));
  const { first, later } = inOrder(waiting, [...staged], source);
  await copy.bring(first, signal);
  if (later.length > 0) {
    // Some registries mount only blobs that a manifest refers to.
    await mapAll(first, parallelRequests, async ({ target: { repository } }) => {
      await stageManifest(repository, root, signal);
      staged.add(repository);
    });
    await copy.bring(later, signal);
  }
  const tags = await tagImage({ ...options, manifest: root, staged }, signal);
  const { digest, mediaType } = root;
  const imageBytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { digest, mediaType, tags, ...copy.sent, imageBytes };
}

/** A target, and the path of a repository on its registry that has the blobs. */
interface Way {
  readonly target: Target;
  readonly mountFrom?: string;
}

/** Which targets can be served at once, and which mount from one of those when it has everything. */
function inOrder(
  waiting: readonly Target[],
  staged: readonly TagStore[],
  source: ImageSource,
): { readonly first: readonly Way[]; readonly later: readonly Way[] } {
  const holders = new Map<string, string>();
  for (const { name } of [...(source.isMountable ? [source] : []), ...staged]) {
    if (!holders.has(hostOf(name))) holders.set(hostOf(name), pathOf(name));
  }
  const leaders = new Map<string, string>();
  const first: Way[] = [];
  const later: Way[] = [];
  for (const target of waiting) {
    const { name } = target.repository;
    const holder = holders.get(hostOf(name));
    const leader = leaders.get(hostOf(name));
    if (holder !== undefined) first.push(holder === pathOf(name) ? { target } : { target, mountFrom: holder });
    else if (leader !== undefined) later.push({ target, mountFrom: leader });
    else {
      leaders.set(hostOf(name), pathOf(name));
      first.push({ target });
    }
  }
  return { first, later };
}

function hostOf(name: string): string {
  return name.slice(0, name.indexOf('/'));
}

function pathOf(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}

/** The blobs and children of one image on their way to targets. */
class Copy {
  readonly #source: ImageSource;
  readonly #nodes: readonly TreeNode[];
  /** 1 = the first layer, 0 = a config. */
  readonly #positions = new Map<Digest, number>();
  readonly #tally: UploadTally;

  constructor({ source, onLayer }: CopyOptions, nodes: readonly TreeNode[], blobs: readonly TreeBlob[]) {
    this.#source = source;
    this.#nodes = nodes;
    const layers = blobs.filter(({ isConfig }) => !isConfig);
    for (const { digest } of blobs) this.#positions.set(digest, 0);
    for (const [position, { digest }] of layers.entries()) this.#positions.set(digest, position + 1);
    this.#tally = new UploadTally(layers.length, onLayer);
  }

  get sent(): Pick<Published, 'uploadedBytes' | 'uploadedBlobs'> {
    const { uploadedBytes, uploadedBlobs } = this.#tally;
    return { uploadedBytes, uploadedBlobs };
  }

  /** Brings everything but the root manifest to these targets. */
  async bring(ways: readonly Way[], signal: AbortSignal): Promise<void> {
    const missing = await mapAll(ways, parallelRequests, async (way) => ({
      ...way,
      nodes: await this.#missingIn(way.target.repository, signal),
    }));
    const transfers = missing.flatMap(({ nodes, ...way }) => blobsIn(nodes).map((blob) => ({ ...way, blob })));
    await allOrStop(transfers, parallelTransfers, (transfer, either) => this.#send(transfer, either), signal);
    await mapAll(missing, parallelRequests, ({ target, nodes }) => stageChildren(target.repository, nodes, signal));
  }

  /** The root, which is known to be missing, and the manifests below it that are. Who has a manifest has its blobs. */
  async #missingIn(repository: TagStore, signal: AbortSignal): Promise<readonly TreeNode[]> {
    const found = await mapAll(this.#nodes, parallelRequests, async ({ depth, manifest }) =>
      depth === 0 ? undefined : repository.headManifest(manifest.digest, signal),
    );
    return this.#nodes.filter((_, position) => found[position] === undefined);
  }

  async #send({ target, mountFrom, blob }: Way & { readonly blob: TreeBlob }, signal: AbortSignal): Promise<void> {
    const { digest, sizeBytes } = blob;
    const position = this.#positions.get(digest) ?? 0;
    const open = (): Readable => this.#source.openBlob({ digest, sizeBytes }, signal);
    await this.#tally.send(target.repository, { digest, sizeBytes, position, open }, signal, mountFrom);
  }
}

/** What lies deepest first: a registry may refuse an index whose children it does not know. */
async function stageChildren(repository: TagStore, nodes: readonly TreeNode[], signal: AbortSignal): Promise<void> {
  const depths = [...new Set(nodes.map(({ depth }) => depth))].filter((depth) => depth > 0).sort((a, b) => b - a);
  for (const depth of depths) {
    const level = nodes.filter((node) => node.depth === depth);
    await mapAll(level, parallelRequests, ({ manifest }) => stageManifest(repository, manifest, signal));
  }
}
