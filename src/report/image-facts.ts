// What reports say about an image: its manifest and config, read back from the registry that it was published to. Nothing is
// asked of the daemon, whose view may be of another image by now. OCI image-spec 1.1 (config.md).
import { arrayOf, fieldOf, parseJson, textOf } from '../base/json-fields.ts';
import { type Digest, isDigest } from '../base/digest.ts';

const maxConfigBytes = 16 * 1024 * 1024;

/** A repository that can be read. */
export interface ImageReader {
  getManifest(
    digest: string,
    signal: AbortSignal,
  ): Promise<{ readonly mediaType: string; readonly bytes: Uint8Array } | undefined>;
  readBlob(digest: Digest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** The facts of an image; of the first platform when it is an index. */
export interface ImageFacts {
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Absent for an index. */
  readonly configDigest?: Digest;
  /** Digest of the config that the fields below are from. */
  readonly id: Digest;
  readonly created: string;
  readonly author: string;
  readonly comment: string;
  readonly dockerVersion: string;
  readonly architecture: string;
  readonly os: string;
  /** Compressed layers and config. */
  readonly contentBytes: number;
}

/** Reads the facts; undefined when the registry does not show them. */
export async function readImageFacts(
  repository: ImageReader,
  digest: Digest,
  signal: AbortSignal,
): Promise<ImageFacts | undefined> {
  const manifest = await repository.getManifest(digest, signal);
  if (manifest === undefined) return undefined;
  const top = parseJson(manifest.bytes);
  const children = arrayOf(fieldOf(top, 'manifests'));
  const image = children.length === 0 ? top : await firstImage(repository, children, signal);
  const id = textOf(fieldOf(image, 'config'), 'digest');
  if (image === undefined || !isDigest(id)) return undefined;
  const config = parseJson(await repository.readBlob(id, maxConfigBytes, signal));
  const parts = [fieldOf(image, 'config'), ...arrayOf(fieldOf(image, 'layers'))];
  const history = arrayOf(fieldOf(config, 'history')).at(-1);
  return {
    mediaType: manifest.mediaType,
    sizeBytes: manifest.bytes.length,
    ...(children.length === 0 ? { configDigest: id } : {}),
    id,
    created: textOf(config, 'created'),
    author: textOf(config, 'author'),
    comment: textOf(history, 'comment'),
    dockerVersion: textOf(config, 'docker_version'),
    architecture: textOf(config, 'architecture'),
    os: textOf(config, 'os'),
    contentBytes: parts.reduce((sum: number, part) => sum + numberOf(part, 'size'), 0),
  };
}

/** The first child that is an image of a platform: attestations say "unknown". */
async function firstImage(
  repository: ImageReader,
  children: readonly unknown[],
  signal: AbortSignal,
): Promise<unknown> {
  const child = children.find((entry) => textOf(fieldOf(entry, 'platform'), 'os') !== 'unknown');
  const digest = textOf(child, 'digest');
  if (!isDigest(digest)) return undefined;
  const manifest = await repository.getManifest(digest, signal);
  return manifest === undefined ? undefined : parseJson(manifest.bytes);
}

function numberOf(json: unknown, name: string): number {
  const value = fieldOf(json, name);
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
}
