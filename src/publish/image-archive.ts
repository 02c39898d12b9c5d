// What an image archive holds. An OCI archive has the image as registries have it: its bytes are copied as they are. In an
// archive of `docker save` the layers are not compressed: they are packed and written as if the daemon had been asked.
// OCI image-spec 1.1 (image-layout.md); Docker image spec v1.2 (manifest.json).
import { type Digest, sha256 } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import type { ImageFacts } from '../engine/inspect-image.ts';
import { damaged, readMetadata, unusable } from './archive-parts.ts';
import type { ImageReader } from './collect-image.ts';
import { isPackedAs } from './image-format.ts';
import type { ImageSource } from './image-source.ts';
import { type LayoutEntries, sortEntries } from './layout-entries.ts';
import { type Descriptor, isDistributed, parseManifest, readDescriptors } from './manifest.ts';
import { fieldOf, parseJson } from '../base/json-fields.ts';
import { checkPlatform, pickPlatform } from './pick-platform.ts';
import { readSavedImage } from './saved-image.ts';
import type { Manifest } from './target.ts';
import type { ArchiveFile, ArchiveFiles } from './tar-index.ts';

/** An image in an archive. */
export type ArchivedImage =
  | { readonly kind: 'oci'; readonly root: Manifest; readonly source: ImageSource }
  /** A config and layers as they were saved. */
  | { readonly kind: 'saved'; readonly image: ImageFacts; readonly reader: ImageReader };

export interface ArchiveOptions {
  /** Its name for people. */
  readonly display: string;
  /** Of an index the image of this platform alone, `os/arch[/variant]`. */
  readonly platform?: string | undefined;
  readonly log: Log;
}

/** Finds the one image of an archive. Throws PluginError exit 2 for an archive without one, or with several. */
export async function readImageArchive(
  files: ArchiveFiles,
  options: ArchiveOptions,
  signal: AbortSignal,
): Promise<ArchivedImage> {
  const { display, platform } = options;
  const archive = new OciArchive(files, display);
  const index = files.get('index.json');
  const list = files.get('manifest.json');
  const root = index === undefined ? undefined : await archive.readRoot(index, options, signal);
  if (list !== undefined && (root === undefined || isUncompressed(root))) {
    const saved = await readSavedImage(files, list, display);
    if (platform !== undefined) checkPlatform(display, platform, saved.image);
    return { kind: 'saved', ...saved };
  }
  if (root === undefined) throw unusable(display, 'it has neither an index.json nor a manifest.json');
  return { kind: 'oci', root, source: archive };
}

/** Newer engines save an image in both forms, with layers that nobody wants in a registry like that. */
function isUncompressed(root: Manifest): boolean {
  const parsed = parseManifest(root);
  return parsed?.kind === 'image' && parsed.layers.every(({ mediaType }) => isPackedAs('uncompressed', mediaType));
}

/** The OCI layout in an archive. What is read has a digest, which a registry checks on arrival. */
class OciArchive implements ImageSource {
  readonly name: string;
  readonly isMountable = false;
  readonly #files: ArchiveFiles;
  #entries: LayoutEntries = { images: [], referrers: new Map(), tagged: new Map() };

  constructor(files: ArchiveFiles, display: string) {
    this.name = display;
    this.#files = files;
  }

  async getManifest({ digest, mediaType }: Pick<Descriptor, 'digest' | 'mediaType'>): Promise<Manifest | undefined> {
    const file = this.#find(digest);
    if (file === undefined) return undefined;
    const bytes = await readMetadata(file, this.name, digest);
    if (sha256(bytes) !== digest) throw damaged(this.name, `its ${digest} has other bytes than that`);
    return { digest, mediaType, bytes };
  }

  openBlob({ digest, sizeBytes }: Pick<Descriptor, 'digest' | 'sizeBytes'>): ReturnType<ArchiveFile['open']> {
    const file = this.#find(digest);
    if (file === undefined) throw unusable(this.name, `it lacks ${digest}`);
    if (file.sizeBytes === sizeBytes) return file.open();
    throw damaged(this.name, `its ${digest} has ${String(file.sizeBytes)} bytes in place of ${String(sizeBytes)}`);
  }

  listReferrers(subject: Digest): Promise<readonly Descriptor[]> {
    return Promise.resolve(this.#entries.referrers.get(subject) ?? []);
  }

  async getTagged(tag: string): Promise<Manifest | undefined> {
    const entry = this.#entries.tagged.get(tag);
    return entry === undefined ? undefined : this.getManifest(entry);
  }

  /** What index.json names. That file itself is never published: it says under which names the image was kept. */
  async readRoot(index: ArchiveFile, { platform, log }: ArchiveOptions, signal: AbortSignal): Promise<Manifest> {
    const json = parseJson(await readMetadata(index, this.name, 'index.json'));
    this.#entries = await sortEntries(readDescriptors(fieldOf(json, 'manifests')) ?? [], (entry) =>
      this.getManifest(entry),
    );
    const { images } = this.#entries;
    const [first, ...others] = images;
    if (first === undefined) throw unusable(this.name, 'its index.json names no image');
    if (others.length > 0) throw unusable(this.name, `it holds ${String(images.length)} images, and must hold one`);
    const root = await this.getManifest(first);
    if (root === undefined) throw unusable(this.name, `it lacks ${first.digest}`);
    return platform === undefined ? this.#wholePart(root, log) : pickPlatform(root, platform, this, log, signal);
  }

  /** The manifest, or of an index of which not all platforms are there the one image that is. */
  async #wholePart(root: Manifest, log: Log): Promise<Manifest> {
    const parsed = parseManifest(root);
    if (parsed?.kind !== 'index' || (await this.#isWhole(root))) return root;
    const images: Manifest[] = [];
    for (const child of parsed.children) {
      if (child.platform === undefined || child.platform.os === 'unknown') continue;
      const manifest = await this.getManifest(child);
      if (manifest !== undefined && (await this.#isWhole(manifest))) images.push(manifest);
    }
    const [only, ...others] = images;
    if (only === undefined || others.length > 0) {
      throw unusable(
        this.name,
        `it has ${String(images.length)} of the images of the index ${root.digest}, and not all of it`,
      );
    }
    log.warn(
      `${this.name} has one image of the index ${root.digest} and not the others: ${only.digest} alone is published`,
    );
    return only;
  }

  async #isWhole(manifest: Manifest): Promise<boolean> {
    const parsed = parseManifest(manifest);
    if (parsed === undefined) return false;
    if (parsed.kind === 'image') {
      return [parsed.config, ...parsed.layers.filter(isDistributed)].every(({ digest }) => this.#find(digest));
    }
    for (const child of parsed.children) {
      const found = await this.getManifest(child);
      if (found === undefined || !(await this.#isWhole(found))) return false;
    }
    return true;
  }

  #find(digest: string): ArchiveFile | undefined {
    return this.#files.get(`blobs/${digest.replace(':', '/')}`);
  }
}
