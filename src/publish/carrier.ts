// Carries the blobs and manifests of trees from where they are read to repositories. What a repository has already is left
// alone; what its registry has elsewhere is mounted; the rest is streamed through, without a file in between. Children go
// before what names them. A registry that has lost a blob by the time of its manifest is given it again.
import type { Readable } from 'node:stream';
import type { Digest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import type { Way } from './copy-ways.ts';
import { blobsIn, type TreeBlob, type TreeNode } from './image-tree.ts';
import type { ImageSource } from './image-source.ts';
import { allOrStop, mapAll, parallelRequests } from './parallel.ts';
import { putManifest, type Repair } from './put-manifest.ts';
import { stageManifest } from './stage-manifest.ts';
import type { LayerEvent, Published, TagStore } from './target.ts';
import { UploadTally } from './upload-blob.ts';

/** Each streamed blob holds two connections, and a pool has 16 to one origin: more would wait for themselves. */
const parallelTransfers = 6;

export interface CarrierOptions {
  readonly source: ImageSource;
  /** Of one tree or of several; roots have depth 0. */
  readonly nodes: readonly TreeNode[];
  readonly onLayer: (event: LayerEvent) => void;
  readonly log: Log;
}

/** The blobs and manifests of one image, or of things that refer to it, on their way. */
export class Carrier {
  readonly #options: CarrierOptions;
  /** 1 = the first layer, 0 = a config. */
  readonly #positions = new Map<Digest, number>();
  readonly #tally: UploadTally;
  /** What was brought again once already, by repository and digest. */
  readonly #repaired = new Set<string>();
  readonly #repairs = new Map<string, Promise<void>>();
  /** What became of blobs, by repository. */
  readonly #outcomes = new Map<string, ('exists' | 'mounted' | 'uploaded')[]>();

  constructor(options: CarrierOptions) {
    this.#options = options;
    const blobs = blobsIn(options.nodes);
    const layers = blobs.filter(({ isConfig }) => !isConfig);
    for (const { digest } of blobs) this.#positions.set(digest, 0);
    for (const [position, { digest }] of layers.entries()) this.#positions.set(digest, position + 1);
    this.#tally = new UploadTally(layers.length, options.onLayer);
  }

  get sent(): Pick<Published, 'uploadedBytes' | 'uploadedBlobs'> {
    const { uploadedBytes, uploadedBlobs } = this.#tally;
    return { uploadedBytes, uploadedBlobs };
  }

  /** What became of the blobs that a repository was to get, in words. */
  describe(repository: string): string {
    const outcomes = this.#outcomes.get(repository) ?? [];
    const count = (wanted: string): number => outcomes.filter((outcome) => outcome === wanted).length;
    const parts = [
      [count('uploaded'), 'sent'],
      [count('mounted'), 'mounted'],
      [count('exists'), 'there already'],
    ] as const;
    const words = parts.flatMap(([number, what]) => (number === 0 ? [] : [`${String(number)} ${what}`]));
    return `${repository} has the blobs of the image: ${words.join(', ') || 'they came with its manifests'}`;
  }

  /** Brings what is missing but for the roots: these are known to be missing, and whoever tags them puts them. */
  async bring(ways: readonly Way[], signal: AbortSignal): Promise<void> {
    await this.#bring(ways, ({ depth }) => depth > 0, signal);
  }

  /** Brings what is missing, roots and all. */
  async bringWhole(ways: readonly Way[], signal: AbortSignal): Promise<void> {
    await this.#bring(ways, () => true, signal);
  }

  /** Puts the roots by their digests. */
  async stageRoots(ways: readonly Way[], signal: AbortSignal): Promise<void> {
    const roots = this.#options.nodes.filter(({ depth }) => depth === 0);
    await mapAll(ways, parallelRequests, (way) => this.#stage({ ...way, nodes: roots }, signal));
  }

  /** Brings again what a manifest refers to, whatever was seen of it before: the repository says that it lacks a part. */
  async repair(way: Way, digest: Digest, signal: AbortSignal): Promise<void> {
    // Several tags of a repository may find out at the same time.
    const key = `${way.repository.name}@${digest}`;
    const isAsked = this.#repaired.has(key);
    const repairing =
      this.#repairs.get(key) ?? this.#bringAgain(way, digest, isAsked, signal).finally(() => this.#repairs.delete(key));
    this.#repairs.set(key, repairing);
    this.#repaired.add(key);
    await repairing;
  }

  /** @param isLost the repository has said so before, after a look at each blob: it is not asked any more what it has */
  async #bringAgain({ repository }: Way, digest: Digest, isLost: boolean, signal: AbortSignal): Promise<void> {
    const { nodes, log } = this.#options;
    const own = nodes.find(({ manifest }) => manifest.digest === digest);
    if (own === undefined) return;
    log.warn(`${repository.name} has lost a part of ${digest} since it was brought there; it is brought again`);
    const below = nodes.filter(({ depth }) => depth > own.depth);
    await this.#send([{ repository, isLost, nodes: [own, ...below] }], signal);
    for (const level of deepestFirst(below)) {
      await mapAll(level, parallelRequests, (node) => putNode(repository, node, signal));
    }
  }

  async #bring(ways: readonly Way[], isWanted: (node: TreeNode) => boolean, signal: AbortSignal): Promise<void> {
    const { nodes } = this.#options;
    const missing = await mapAll(ways, parallelRequests, async (way) => {
      const found = await mapAll(nodes, parallelRequests, async (node) =>
        isWanted(node) && way.isNew !== true ? way.repository.headManifest(node.manifest.digest, signal) : undefined,
      );
      // Who has a manifest has its blobs.
      return { ...way, nodes: nodes.filter((_, position) => found[position] === undefined) };
    });
    await this.#send(missing, signal);
    await mapAll(missing, parallelRequests, (way) =>
      this.#stage({ ...way, nodes: way.nodes.filter(isWanted) }, signal),
    );
  }

  async #send(loads: readonly Load[], signal: AbortSignal): Promise<void> {
    const transfers = loads.flatMap(({ nodes, ...way }) => blobsIn(nodes).map((blob) => ({ ...way, blob })));
    await allOrStop(transfers, parallelTransfers, (transfer, either) => this.#sendBlob(transfer, either), signal);
  }

  async #sendBlob(
    { repository, mountFrom, isNew, isLost, blob }: Omit<Load, 'nodes'> & { readonly blob: TreeBlob },
    signal: AbortSignal,
  ): Promise<void> {
    const { digest, sizeBytes } = blob;
    const position = this.#positions.get(digest) ?? 0;
    const open = (): Readable => this.#options.source.openBlob({ digest, sizeBytes }, signal);
    const load = { digest, sizeBytes, position, open, ...(isLost === true ? { isLost } : {}) };
    const outcome = await this.#tally.send(repository, load, signal, mountFrom, isNew);
    this.#outcomes.set(repository.name, [...(this.#outcomes.get(repository.name) ?? []), outcome]);
  }

  async #stage({ nodes, ...way }: Load, signal: AbortSignal): Promise<void> {
    for (const level of deepestFirst(nodes)) {
      await mapAll(level, parallelRequests, (node) =>
        putNode(way.repository, node, signal, () => this.repair(way, node.manifest.digest, signal)),
      );
    }
  }
}

/** What is to go to one repository. */
type Load = Way & {
  readonly nodes: readonly TreeNode[];
  /** The blobs are sent, whatever the repository says that it has. */
  readonly isLost?: boolean;
};

/** PUT by digest. A tag may bring a root where that kind of PUT is refused; a child has no other way. */
async function putNode(
  repository: TagStore,
  { manifest, depth }: TreeNode,
  signal: AbortSignal,
  repair?: Repair,
): Promise<void> {
  if (depth === 0) await stageManifest(repository, manifest, signal, repair);
  else await putManifest(repository, manifest, { digest: manifest.digest }, signal, repair);
}

/** A registry may refuse an index whose children it does not know. */
function deepestFirst(nodes: readonly TreeNode[]): readonly (readonly TreeNode[])[] {
  const depths = [...new Set(nodes.map(({ depth }) => depth))].sort((a, b) => b - a);
  return depths.map((depth) => nodes.filter((node) => node.depth === depth));
}
