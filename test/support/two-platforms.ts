// An index as registries have it: two platforms that share a layer, and an attestation, put there by plain requests. What is
// copied is compared with these very bytes.
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface PublishedIndex {
  readonly digest: string;
  /** Digests of all configs and layers. */
  readonly blobs: readonly string[];
  /** Digests of the children. */
  readonly children: readonly string[];
}

const oci = 'application/vnd.oci.image';

/** Publishes the index under `path:tag` of an open registry. `seed` makes its bytes differ from other ones. */
export async function publishIndex(
  registry: { readonly url: string },
  path: string,
  tag: string,
  seed: string,
): Promise<PublishedIndex> {
  const blobs: string[] = [];
  const put = async (bytes: Buffer, mediaType: string) => {
    blobs.push(await putBlob(registry.url, path, bytes));
    return descriptor(bytes, mediaType);
  };
  const sharedTar = await tarOf('shared', Buffer.alloc(2_000_000, `${seed} shared`));
  const shared = await put(gzipSync(sharedTar), `${oci}.layer.v1.tar+gzip`);
  const children = [];
  for (const architecture of ['amd64', 'arm64']) {
    const ownTar = await tarOf('own', Buffer.from(`${seed} ${architecture}`));
    const own = await put(gzipSync(ownTar), `${oci}.layer.v1.tar+gzip`);
    const rootfs = { type: 'layers', diff_ids: [digestOf(sharedTar), digestOf(ownTar)] };
    const config = Buffer.from(JSON.stringify({ architecture, os: 'linux', rootfs }));
    const image = manifest(`${oci}.manifest.v1+json`, {
      config: await put(config, `${oci}.config.v1+json`),
      layers: [shared, own],
    });
    children.push({ ...(await putManifest(registry.url, path, image)), platform: { os: 'linux', architecture } });
  }
  const attestation = manifest(`${oci}.manifest.v1+json`, {
    config: await put(Buffer.from('{}'), `${oci}.config.v1+json`),
    layers: [await put(Buffer.from(`{"for":"${seed}"}`), 'application/vnd.in-toto+json')],
  });
  children.push({
    ...(await putManifest(registry.url, path, attestation)),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  });
  const index = manifest(`${oci}.index.v1+json`, { manifests: children });
  const { digest } = await putManifest(registry.url, path, index, tag);
  return { digest, blobs: [...new Set(blobs)].sort(), children: children.map((child) => child.digest) };
}

async function tarOf(name: string, content: Buffer): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name, mtime: new Date(0) }, content);
  tar.finalize();
  return buffer(tar);
}

interface Manifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

function manifest(mediaType: string, content: object): Manifest {
  // White space that a parser and writer in between would lose.
  return { mediaType, bytes: Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }, undefined, 3)) };
}

function descriptor(bytes: Buffer, mediaType: string) {
  return { mediaType, size: bytes.length, digest: digestOf(bytes) };
}

async function putBlob(url: string, path: string, bytes: Buffer): Promise<string> {
  const opened = await fetch(`${url}/v2/${path}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(opened.headers.get('location') ?? '', url);
  location.searchParams.set('digest', digestOf(bytes));
  const stored = await fetch(location, { method: 'PUT', body: new Uint8Array(bytes) });
  if (stored.status !== 201) throw new Error(`blob: ${stored.status} ${await stored.text()}`);
  return digestOf(bytes);
}

async function putManifest(url: string, path: string, { mediaType, bytes }: Manifest, tag = digestOf(bytes)) {
  const stored = await fetch(`${url}/v2/${path}/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'content-type': mediaType },
    body: new Uint8Array(bytes),
  });
  if (stored.status !== 201) throw new Error(`manifest: ${stored.status} ${await stored.text()}`);
  return descriptor(bytes, mediaType);
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
