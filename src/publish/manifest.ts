// Writes the manifest of an image and reads manifests and indexes of others. The field order is fixed
// and there is no white space: equal inputs give equal bytes, hence equal digests.
// https://distribution.github.io/distribution/spec/manifest-v2-2/ and OCI image-spec 1.1 (manifest.md, image-index.md)
import { type Digest, isDigest, sha256 } from '../base/digest.ts';
import { type ImageFormat, typesOf } from './image-format.ts';
import { fieldOf, parseJson, givenText } from '../base/json-fields.ts';
import type { Manifest } from './target.ts';

export const mediaTypes = {
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** A blob or manifest that a manifest refers to. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
  readonly annotations: Readonly<Record<string, string>>;
}

/** Layers that must not be handed on by registries; manifests name them, and nobody uploads them. */
const undistributed = /\.foreign\.|\.nondistributable\./;

/** Whether a registry has the blob behind a descriptor. */
export function isDistributed({ mediaType }: Descriptor): boolean {
  return !undistributed.test(mediaType);
}

/** A parsed copy; the bytes stay what counts. */
export type ParsedManifest =
  | { readonly kind: 'image'; readonly config: Descriptor; readonly layers: readonly Descriptor[] }
  | { readonly kind: 'index'; readonly children: readonly Descriptor[] };

/** The manifest of an image, layers lowest first. */
export function writeManifest(
  format: ImageFormat,
  config: { readonly digest: Digest; readonly sizeBytes: number },
  layers: readonly { readonly digest: Digest; readonly sizeBytes: number }[],
): Manifest {
  const types = typesOf(format);
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, size: config.sizeBytes, digest: config.digest },
    layers: layers.map(({ digest, sizeBytes }) => ({ mediaType: types.layer, size: sizeBytes, digest })),
    ...annotationsIn(format),
  });
  const bytes = Buffer.from(text, 'utf8');
  return { mediaType: types.manifest, digest: sha256(bytes), bytes };
}

/** In one order, whatever order they were given in. */
function annotationsIn({ annotations = {} }: ImageFormat): { readonly annotations?: Readonly<Record<string, string>> } {
  const sorted = Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.length === 0 ? {} : { annotations: Object.fromEntries(sorted) };
}

/** The annotations of a manifest or index itself. */
export function readAnnotations({ bytes }: Manifest): Readonly<Record<string, string>> {
  return readTexts(fieldOf(parseJson(bytes), 'annotations'));
}

/** Reads the four manifest types; undefined for anything else (schema 1, artifacts of other kinds, damage). */
export function parseManifest(manifest: Manifest): ParsedManifest | undefined {
  const json = parseJson(manifest.bytes);
  switch (manifest.mediaType) {
    case mediaTypes.dockerList:
    case mediaTypes.ociIndex: {
      const children = readDescriptors(fieldOf(json, 'manifests'));
      return children === undefined ? undefined : { kind: 'index', children };
    }
    case mediaTypes.dockerManifest:
    case mediaTypes.ociManifest: {
      const config = readDescriptor(fieldOf(json, 'config'));
      // An image of nothing but a config: BuildKit writes null for the empty list.
      const listed = fieldOf(json, 'layers');
      const layers = readDescriptors(listed === null ? [] : listed);
      return config === undefined || layers === undefined ? undefined : { kind: 'image', config, layers };
    }
    default:
      return undefined;
  }
}

/** The diffIDs of an image config; undefined when it has none. */
export function readDiffIds(config: Uint8Array): readonly Digest[] | undefined {
  const diffIds = fieldOf(fieldOf(parseJson(config), 'rootfs'), 'diff_ids');
  if (!Array.isArray(diffIds)) return undefined;
  const digests = diffIds.filter((diffId): diffId is Digest => typeof diffId === 'string' && isDigest(diffId));
  return digests.length === diffIds.length ? digests : undefined;
}

/** A list of descriptors; undefined when it is none, or one of them is none. */
export function readDescriptors(json: unknown): readonly Descriptor[] | undefined {
  if (!Array.isArray(json)) return undefined;
  const descriptors = json.map(readDescriptor).filter((descriptor) => descriptor !== undefined);
  return descriptors.length === json.length ? descriptors : undefined;
}

function readDescriptor(json: unknown): Descriptor | undefined {
  const mediaType = givenText(json, 'mediaType');
  const digest = givenText(json, 'digest');
  const size = fieldOf(json, 'size');
  if (mediaType === undefined || digest === undefined || !isDigest(digest)) return undefined;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
  const platform = readPlatform(fieldOf(json, 'platform'));
  const annotations = readTexts(fieldOf(json, 'annotations'));
  return { mediaType, digest, sizeBytes: size, annotations, ...(platform === undefined ? {} : { platform }) };
}

function readPlatform(json: unknown): Descriptor['platform'] {
  const os = givenText(json, 'os');
  const architecture = givenText(json, 'architecture');
  const variant = givenText(json, 'variant');
  if (os === undefined || architecture === undefined) return undefined;
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

function readTexts(json: unknown): Readonly<Record<string, string>> {
  if (typeof json !== 'object' || json === null) return {};
  return Object.fromEntries(
    Object.entries(json).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}
