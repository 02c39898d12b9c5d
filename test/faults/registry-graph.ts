// What a registry really has: each tag of a repository, its manifests and every blob below them, asked without any proxy in
// between. A blob counts only when the registry says so and its bytes, read from the registry's own disk, have the digest.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ShownImage } from './judge.ts';
import { imageLabel } from './make-image.ts';
import { type AccessibleRegistry, RegistryAccess } from './registry-access.ts';

/** The registry and where it keeps its data. */
export interface StoredRegistry extends AccessibleRegistry {
  readonly storage: string;
}

/** An image that is looked for: by its digest, or by the label that the build gave it. */
export type WantedImage = { readonly digest: string } | { readonly label: string };

/** Every tag of a repository, by tag. */
export async function readTags(
  registry: StoredRegistry,
  repository: string,
  wanted: WantedImage,
): Promise<ReadonlyMap<string, ShownImage>> {
  const walk = new GraphWalk(registry, repository);
  const shown = new Map<string, ShownImage>();
  for (const tag of await walk.tags()) {
    const image = await walk.image(tag);
    const isWanted = 'digest' in wanted ? image.digest === wanted.digest : image.labels.has(wanted.label);
    shown.set(tag, { digest: image.digest, isComplete: image.problems.length === 0, isWanted });
  }
  return shown;
}

/** Ids of uploads that were begun in a repository and neither finished nor given up. */
export function openUploads(registry: StoredRegistry, repository: string): readonly string[] {
  const folder = join(repositoryFolder(registry, repository), '_uploads');
  const uploads = existsSync(folder) ? readdirSync(folder) : [];
  // distribution 2.8 keeps the folder of an upload that was given up, without this file.
  return uploads.filter((id) => existsSync(join(folder, id, 'startedat')));
}

/** Frees the disk from what a run has published: blobs of its own, which no other repository has. */
export function dropRepository(registry: StoredRegistry, repository: string): void {
  const folder = repositoryFolder(registry, repository);
  const layers = join(folder, '_layers', 'sha256');
  for (const hex of existsSync(layers) ? readdirSync(layers) : []) {
    const data = blobFile(registry, `sha256:${hex}`);
    if (existsSync(data) && statSync(data).size >= uniqueBytes) rmSync(join(data, '..'), { recursive: true });
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Small blobs may be shared by repositories: empty configs, attestations. */
const uniqueBytes = 1_000_000;

class GraphWalk {
  readonly #registry: StoredRegistry;
  readonly #access: RegistryAccess;
  readonly #blobs = new Map<string, Promise<string | undefined>>();

  constructor(registry: StoredRegistry, repository: string) {
    this.#registry = registry;
    this.#access = new RegistryAccess(registry, repository);
  }

  async tags(): Promise<readonly string[]> {
    const answer = await this.#access.ask('GET', 'tags/list');
    if (answer.status === 404) return [];
    const { tags } = JSON.parse(answer.body.toString('utf8')) as { tags: readonly string[] | null };
    return tags ?? [];
  }

  /** The image under a tag or digest, with all that is wrong with it. */
  async image(reference: string): Promise<FoundImage> {
    const answer = await this.#access.ask('GET', `manifests/${reference}`);
    const digest = digestOf(answer.body);
    if (answer.status !== 200) return { digest, labels: new Set(), problems: [`${reference}: ${answer.status}`] };
    const said = answer.headers['docker-content-digest'];
    const problems = said === digest ? [] : [`${reference}: said to be ${String(said)}, and is ${digest}`];
    const { manifests, config, layers } = JSON.parse(answer.body.toString('utf8')) as ManifestFields;
    const children = await Promise.all((manifests ?? []).map((child) => this.image(child.digest)));
    const blobs = [...(config === undefined ? [] : [config]), ...(layers ?? [])];
    const faults = await Promise.all(blobs.map((blob) => this.#blobProblem(blob)));
    const own = faults.filter((fault) => fault !== undefined);
    const read = own.length === 0 && config !== undefined ? this.#readConfig(config, layers ?? []) : undefined;
    return {
      digest,
      labels: new Set([...(read?.labels ?? []), ...children.flatMap((child) => [...child.labels])]),
      problems: [...problems, ...own, ...(read?.problems ?? []), ...children.flatMap((child) => child.problems)],
    };
  }

  async #blobProblem(blob: Descriptor): Promise<string | undefined> {
    const known = this.#blobs.get(blob.digest) ?? this.#checkBlob(blob);
    this.#blobs.set(blob.digest, known);
    return known;
  }

  async #checkBlob({ digest, size }: Descriptor): Promise<string | undefined> {
    const { status } = await this.#access.ask('HEAD', `blobs/${digest}`);
    if (status !== 200) return `${digest}: ${status}`;
    const bytes = readFileSync(blobFile(this.#registry, digest));
    if (bytes.length !== size) return `${digest}: ${bytes.length} bytes instead of ${size}`;
    return digestOf(bytes) === digest ? undefined : `${digest}: other bytes are stored`;
  }

  /** The label of a run, and whether the layers are those that the config tells of. */
  #readConfig(config: Descriptor, layers: readonly Descriptor[]): Pick<FoundImage, 'problems'> & { labels: string[] } {
    const text = readFileSync(blobFile(this.#registry, config.digest), 'utf8');
    const fields = JSON.parse(text) as ConfigFields;
    const label = fields.config?.Labels?.[imageLabel];
    return { labels: label === undefined ? [] : [label], problems: this.#layerProblems(config, fields, layers) };
  }

  /** An artifact's config tells of no layers. */
  #layerProblems(config: Descriptor, { rootfs }: ConfigFields, layers: readonly Descriptor[]): readonly string[] {
    if (rootfs === undefined) return [];
    const diffs = rootfs.diff_ids ?? [];
    if (layers.length !== diffs.length)
      return [`${config.digest}: tells of ${diffs.length} layers, and there are ${layers.length}`];
    return layers.flatMap((layer, index) =>
      layer.mediaType.endsWith('gzip') ? this.#layerProblem(layer, diffs[index]) : [],
    );
  }

  #layerProblem({ digest }: Descriptor, diffId: string | undefined): readonly string[] {
    const unpacked = gunzipSync(readFileSync(blobFile(this.#registry, digest)));
    return digestOf(unpacked) === diffId ? [] : [`${digest}: not the layer that the config tells of`];
  }
}

interface FoundImage {
  readonly digest: string;
  readonly labels: ReadonlySet<string>;
  readonly problems: readonly string[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface ManifestFields {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

interface ConfigFields {
  readonly config?: { readonly Labels?: Readonly<Record<string, string>> | null };
  readonly rootfs?: { readonly diff_ids?: readonly string[] | null };
}

function repositoryFolder({ storage }: StoredRegistry, repository: string): string {
  return join(storage, 'docker/registry/v2/repositories', repository);
}

function blobFile({ storage }: StoredRegistry, digest: string): string {
  const hex = digest.slice('sha256:'.length);
  return join(storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
