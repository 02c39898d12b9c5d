// Reads manifests. They are bytes: what was received is hashed and handed on, nothing is parsed here but a missing media
// type. OCI distribution-spec 1.1, end-3. They are written in put-manifest.ts.
import { type Digest, isDigest, sha256 } from '../base/digest.ts';
import { parseJson, textOf } from '../base/json-fields.ts';
import { unexpected } from './answer.ts';
import { manifestMediaTypes } from './media-types.ts';
import type { Place } from './place.ts';
import { RegistryError } from './registry-error.ts';
import { discard, headerOf, readBody, type WireResponse } from './wire.ts';

/** A manifest as it is stored. */
export interface Manifest {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export interface ManifestHead {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/** The limit that the specification tells registries to accept. */
const maxManifestBytes = 4 * 1024 * 1024;

/** HEAD, or GET where a registry answers HEAD incompletely. undefined: absent, or not for us to see. */
export async function headManifest(
  place: Place,
  reference: string,
  signal: AbortSignal,
): Promise<ManifestHead | undefined> {
  const what = `look at ${nameOf(place, reference)}`;
  const head = await place.operate('read', what, () => tryHead(place, reference, what, signal), signal);
  if (head !== 'ask again') return head;
  const manifest = await getManifest(place, reference, signal);
  return manifest && { digest: manifest.digest, mediaType: manifest.mediaType, sizeBytes: manifest.bytes.length };
}

/** The same in one try; `ask again`: only the bytes tell. */
export async function tryHead(
  place: Place,
  reference: string,
  what: string,
  signal: AbortSignal,
): Promise<ManifestHead | 'ask again' | undefined> {
  const response = await read(place, 'HEAD', reference, what, signal);
  const { status } = response;
  const isOk = status >= 200 && status < 300;
  if (!isOk && ![403, 404, 405, 501].includes(status)) throw await unexpected(response, signal);
  await discard(response, signal);
  // 403 on HEAD is how some registries say "absent" to those who may push.
  if (status === 404 || status === 403) return undefined;
  const digest = headerOf(response, 'docker-content-digest') ?? '';
  const sizeBytes = Number(headerOf(response, 'content-length') ?? Number.NaN);
  const mediaType = mediaTypeOf(response);
  if (!isOk || !isDigest(digest) || Number.isNaN(sizeBytes) || mediaType === undefined) return 'ask again';
  checkDigest(place, what, reference, digest);
  return { digest, mediaType, sizeBytes };
}

/** GET, with the bytes checked against the digest that was asked for. undefined: absent. */
export async function getManifest(place: Place, reference: string, signal: AbortSignal): Promise<Manifest | undefined> {
  const what = `read ${nameOf(place, reference)}`;
  return place.operate('read', what, () => tryGet(place, reference, what, signal), signal);
}

async function tryGet(
  place: Place,
  reference: string,
  what: string,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const response = await read(place, 'GET', reference, what, signal);
  if (response.status === 404) {
    await discard(response, signal);
    return undefined;
  }
  // 203: a proxy says that it may have changed something. The digest tells.
  if (response.status !== 200 && response.status !== 203) throw await unexpected(response, signal);
  const bytes = await readBody(response, maxManifestBytes + 1, signal);
  if (bytes.length > maxManifestBytes) throw integrity(place, what, 'a manifest of more than 4 MiB');
  const digest = sha256(bytes);
  checkDigest(place, what, reference, digest);
  const claimed = headerOf(response, 'docker-content-digest') ?? '';
  if (isDigest(claimed)) checkDigest(place, what, claimed, digest);
  const mediaType = mediaTypeOf(response) ?? textOf(parseJson(bytes.toString('utf8')), 'mediaType');
  return { mediaType, digest, bytes };
}

async function read(
  place: Place,
  method: 'GET' | 'HEAD',
  reference: string,
  what: string,
  signal: AbortSignal,
): Promise<WireResponse> {
  const headers = { accept: manifestMediaTypes.join(', ') };
  return place.send({ method, to: `manifests/${reference}`, headers, redirects: 'any-origin', what }, signal);
}

/** As people write it. */
export function nameOf(place: Place, reference: string): string {
  return `${place.name}${isDigest(reference) ? '@' : ':'}${reference}`;
}

/** Without parameters. */
function mediaTypeOf(response: WireResponse): string | undefined {
  const type = headerOf(response, 'content-type')?.split(';', 1)[0]?.trim();
  return type === '' ? undefined : type;
}

/** Throws RegistryError `integrity`. `wanted` may be a tag, for which any digest is right. */
export function checkDigest(place: Place, what: string, wanted: string, got: Digest): void {
  if (isDigest(wanted) && wanted !== got) throw integrity(place, what, `${got} instead of ${wanted}`);
}

function integrity(place: Place, what: string, got: string): RegistryError {
  return new RegistryError({
    ...place.party,
    code: 'integrity',
    exitCode: 7,
    message: `${what}: ${place.party.host} answered with ${got}`,
    hint: 'the registry, or a proxy in front of it, does not keep what it is given',
  });
}
