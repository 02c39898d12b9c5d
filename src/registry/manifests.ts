// Reads and writes manifests. They are bytes: what was received is hashed and handed on, nothing is parsed here but a
// missing media type. OCI distribution-spec 1.1, end-3 and end-7; several tags in one PUT with the OCI-Tag echo: its text
// on "Pushing manifests with tags".
import { type Digest, isDigest, sha256 } from '../base/digest.ts';
import { parseJson, textOf } from '../base/json-fields.ts';
import { unexpected } from './answer.ts';
import { manifestMediaTypes } from './media-types.ts';
import type { Place } from './place.ts';
import { RegistryError } from './registry-error.ts';
import { discard, headerOf, headersOf, readBody, type WireResponse } from './wire.ts';
import { bytesBody } from './wire-body.ts';

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

/** A tag, or the digest with any tags that are to be set along with it. */
export type ManifestTarget = { readonly tag: string } | { readonly digest: Digest; readonly tags?: readonly string[] };

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

async function tryHead(
  place: Place,
  reference: string,
  what: string,
  signal: AbortSignal,
): Promise<ManifestHead | 'ask again' | undefined> {
  const response = await read(place, 'HEAD', reference, what, signal);
  const { status } = response;
  if (status !== 200 && ![403, 404, 405, 501].includes(status)) throw await unexpected(response, signal);
  await discard(response, signal);
  // 403 on HEAD is how some registries say "absent" to those who may push.
  if (status === 404 || status === 403) return undefined;
  const digest = headerOf(response, 'docker-content-digest') ?? '';
  const sizeBytes = Number(headerOf(response, 'content-length') ?? Number.NaN);
  const mediaType = mediaTypeOf(response);
  if (status !== 200 || !isDigest(digest) || Number.isNaN(sizeBytes) || mediaType === undefined) return 'ask again';
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
  if (response.status !== 200) throw await unexpected(response, signal);
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

/**
 * PUT. With `digest` and `tags` all tags travel in one request; a registry that does not know that form stores the
 * manifest under its digest and says nothing of tags.
 *
 * @returns the tags that the registry says it has set, and the `subject` that it says it has noticed
 */
export async function putManifest(
  place: Place,
  manifest: Manifest,
  target: ManifestTarget,
  signal: AbortSignal,
): Promise<{ readonly confirmedTags: readonly string[]; readonly seenSubject?: string }> {
  const tags = 'tag' in target ? [] : (target.tags ?? []);
  const reference = 'tag' in target ? target.tag : target.digest;
  const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
  const to = `manifests/${reference}${query === '' ? '' : `?${query}`}`;
  const what = `put the manifest at ${nameOf(place, reference)}`;
  const plainly = 'tag' in target ? [target.tag] : [];
  place.askForPush();
  return place.operate(
    'manifest',
    what,
    async (number) => {
      // The answer to an earlier try may have been lost.
      if (number > 1 && (await isThere(place, manifest, reference, what, signal))) return { confirmedTags: plainly };
      const response = await place.send(
        {
          method: 'PUT',
          to,
          headers: { 'content-type': manifest.mediaType },
          body: bytesBody(manifest.bytes),
          redirects: 'own-origin',
          what,
        },
        signal,
      );
      if (response.status < 200 || response.status > 299) throw await unexpected(response, signal);
      await discard(response, signal);
      const stored = headerOf(response, 'docker-content-digest') ?? '';
      if (isDigest(stored)) checkDigest(place, what, manifest.digest, stored);
      const seenSubject = headerOf(response, 'oci-subject');
      const confirmedTags = 'tag' in target ? plainly : confirmedOf(response, tags);
      return { confirmedTags, ...(seenSubject === undefined ? {} : { seenSubject }) };
    },
    signal,
  );
}

async function isThere(
  place: Place,
  manifest: Manifest,
  reference: string,
  what: string,
  signal: AbortSignal,
): Promise<boolean> {
  const head = await tryHead(place, reference, what, signal);
  return head !== undefined && head !== 'ask again' && head.digest === manifest.digest;
}

/** OCI-Tag may come several times, and hold several tags each time. */
function confirmedOf(response: WireResponse, tags: readonly string[]): readonly string[] {
  const echoed = new Set(
    headersOf(response, 'oci-tag')
      .flatMap((value) => value.split(','))
      .map((tag) => tag.trim()),
  );
  return tags.filter((tag) => echoed.has(tag));
}

function nameOf(place: Place, reference: string): string {
  return `${place.name}${isDigest(reference) ? '@' : ':'}${reference}`;
}

/** Without parameters. */
function mediaTypeOf(response: WireResponse): string | undefined {
  const type = headerOf(response, 'content-type')?.split(';', 1)[0]?.trim();
  return type === '' ? undefined : type;
}

/** `wanted` may be a tag, for which any digest is right. */
function checkDigest(place: Place, what: string, wanted: string, got: Digest): void {
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
