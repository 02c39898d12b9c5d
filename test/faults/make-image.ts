// Images that nobody has seen before, made here: what a registry holds before a run, and what publishers that do not build are
// given. The layer is random, so that nothing of it is stored anywhere yet and nothing compresses.
import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { type AccessibleRegistry, RegistryAccess } from './registry-access.ts';

/** The label by which the oracle knows an image of a run, in the registry as in the daemon. */
export const imageLabel = 'docker-build.fault-run';

/** The file in the layer. */
export const layerFile = 'layer.bin';

export interface MadeBlob {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface MadeImage {
  readonly manifest: MadeBlob;
  readonly config: MadeBlob;
  readonly layer: MadeBlob;
  /** The layer before it was compressed. */
  readonly layerTar: Buffer;
}

export interface MadeIndex extends Pick<MadeImage, 'manifest'> {
  readonly images: readonly MadeImage[];
}

const oci = 'application/vnd.oci.image';

/** An image of one layer with one file. Random content makes it one that nobody has. */
export async function imageOf(label: string, content: Buffer, architecture = 'amd64'): Promise<MadeImage> {
  const tar = pack();
  tar.entry({ name: layerFile, mtime: new Date(0) }, content);
  tar.finalize();
  const layerTar = await buffer(tar);
  const layer = blob(`${oci}.layer.v1.tar+gzip`, gzipSync(layerTar, { level: 1 }));
  const config = json(`${oci}.config.v1+json`, {
    architecture,
    os: 'linux',
    config: { Labels: { [imageLabel]: label } },
    rootfs: { type: 'layers', diff_ids: [digestOf(layerTar)] },
  });
  const mediaType = `${oci}.manifest.v1+json`;
  const manifest = { schemaVersion: 2, mediaType, config: descriptor(config), layers: [descriptor(layer)] };
  return { manifest: json(mediaType, manifest), config, layer, layerTar };
}

/** An index of two platforms: one with this file in its layer, one with a small one. */
export async function makeIndex(label: string, content: Buffer): Promise<MadeIndex> {
  const images = [await imageOf(label, content), await imageOf(label, randomBytes(smallBytes), 'arm64')];
  const mediaType = `${oci}.index.v1+json`;
  const manifests = images.map(({ manifest }, index) => ({
    ...descriptor(manifest),
    platform: { os: 'linux', architecture: index === 0 ? 'amd64' : 'arm64' },
  }));
  return { images, manifest: json(mediaType, { schemaVersion: 2, mediaType, manifests }) };
}

/** Of layers whose size does not matter. */
const smallBytes = 1000;

/** Puts an image or index into a registry, under these tags. */
export async function putImage(
  registry: AccessibleRegistry,
  repository: string,
  image: MadeImage | MadeIndex,
  tags: readonly string[],
): Promise<void> {
  const access = new RegistryAccess(registry, repository);
  const images = 'images' in image ? image.images : [image];
  for (const { config, layer, manifest } of images) {
    for (const { digest, bytes } of [config, layer]) await access.putBlob(digest, bytes);
    await access.putManifest(manifest.digest, manifest.bytes, manifest.mediaType);
  }
  for (const tag of tags) await access.putManifest(tag, image.manifest.bytes, image.manifest.mediaType);
}

function descriptor({ mediaType, digest, bytes }: MadeBlob) {
  return { mediaType, digest, size: bytes.length };
}

function json(mediaType: string, content: object): MadeBlob {
  return blob(mediaType, Buffer.from(JSON.stringify(content)));
}

function blob(mediaType: string, bytes: Buffer): MadeBlob {
  return { mediaType, bytes, digest: digestOf(bytes) };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
