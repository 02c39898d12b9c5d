// Looks for blobs and reads small ones. OCI distribution-spec 1.1, end-2. Uploads are in blob-upload.ts.
import { type Digest, sha256, shortDigest } from '../base/digest.ts';
import { unexpected } from './answer.ts';
import type { Place } from './place.ts';
import { RegistryError } from './registry-error.ts';
import { discard, headerOf, readBody, type WireResponse } from './wire.ts';

/** Whether a blob is in the repository, with retries. */
export async function hasBlob(place: Place, digest: Digest, signal: AbortSignal): Promise<boolean> {
  const what = `look for ${shortDigest(digest)} in ${place.name}`;
  return place.operate('read', what, () => seesBlob(place, { digest }, what, signal), signal);
}

/** The same in one try. Throws RegistryError `integrity` when the registry has it in another size. */
export async function seesBlob(
  place: Place,
  blob: { readonly digest: Digest; readonly sizeBytes?: number },
  what: string,
  signal: AbortSignal,
): Promise<boolean> {
  const response = await place.send({ method: 'HEAD', to: `blobs/${blob.digest}`, redirects: 'none', what }, signal);
  const { status } = response;
  // A redirect leads to where the blob is stored: it is there. One to the same place by another scheme says nothing about the
  // blob: then the upload finds its way. 403 and 405 are how some say "absent".
  const isKnown = status === 200 || (status >= 300 && status < 400) || [403, 404, 405, 501].includes(status);
  if (!isKnown) throw await unexpected(response, signal);
  await discard(response, signal);
  const size = status === 200 ? headerOf(response, 'content-length') : undefined;
  if (size !== undefined && blob.sizeBytes !== undefined && Number(size) !== blob.sizeBytes) {
    throw new RegistryError({
      ...place.party,
      code: 'integrity',
      exitCode: 7,
      message: `${what}: ${place.party.host} says that ${blob.digest} has ${size} bytes; it has ${blob.sizeBytes}`,
    });
  }
  return status < 400 && !isSamePlace(response);
}

/** Whether a redirect leads to what was asked for, as that of a server that wants TLS. */
function isSamePlace(response: WireResponse): boolean {
  const { origin, path } = response.target;
  const asked = new URL(origin + path);
  const location = headerOf(response, 'location') ?? '';
  if (response.status < 300 || !URL.canParse(location, asked.href)) return false;
  const next = new URL(location, asked);
  return next.hostname === asked.hostname && next.pathname === asked.pathname && next.search === asked.search;
}

/** A whole small blob, its hash checked. Throws RegistryError `not-found`, and `integrity` for other or more bytes. */
export async function readBlob(
  place: Place,
  digest: Digest,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const what = `read ${shortDigest(digest)} of ${place.name}`;
  return place.operate(
    'read',
    what,
    async () => {
      const response = await place.send(
        { method: 'GET', to: `blobs/${digest}`, redirects: 'any-origin', what },
        signal,
      );
      if (response.status !== 200) throw await unexpected(response, signal);
      const bytes = await readBody(response, maxBytes + 1, signal);
      if (bytes.length <= maxBytes && sha256(bytes) === digest) return bytes;
      const got = bytes.length > maxBytes ? `more than ${maxBytes} bytes` : 'bytes with another digest';
      throw new RegistryError({
        ...place.party,
        code: 'integrity',
        exitCode: 7,
        message: `${what}: ${place.party.host} answered with ${got}`,
      });
    },
    signal,
  );
}
