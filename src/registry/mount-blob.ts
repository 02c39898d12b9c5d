// Asks a registry to show a blob of one repository in another one. It is a courtesy of theirs: whatever speaks against it costs
// only the upload. OCI distribution-spec 1.1, end-11.
import { isTransientStatus } from '../base/transient.ts';
import { UnexpectedAnswer, unexpected } from './answer.ts';
import { seesBlob } from './blobs.ts';
import type { Blob } from './blob-upload.ts';
import { RegistryError } from './registry-error.ts';
import { askToOpen, openUpload, type OpenedUpload, type UploadPlace } from './upload-place.ts';
import { discard, headerOf, type WireResponse } from './wire.ts';

/**
 * Mounts once.
 *
 * @returns `mounted` when the blob is there; the upload that the registry opened instead, or undefined
 * @throws what is to be waited for: a registry that asks for patience, a connection that broke
 */
export async function mountBlob(
  to: UploadPlace,
  blob: Blob,
  from: string,
  what: string,
  signal: AbortSignal,
): Promise<OpenedUpload | 'mounted' | undefined> {
  const answer = await askToOpen(signal, async (late) => {
    const response = await tryMount(to, blob, from, what, late);
    if (response?.status !== 202 || headerOf(response, 'location') === undefined) return response?.status;
    return openUpload(to, response, what);
  });
  if (typeof answer === 'object') return answer;
  // Some registries say that it is mounted and have nothing.
  return answer === 201 && (await seesBlob(to.place, blob, what, signal)) ? 'mounted' : undefined;
}

/** undefined: this registry or this login cannot do it. */
async function tryMount(
  { place }: UploadPlace,
  blob: Blob,
  from: string,
  what: string,
  signal: AbortSignal,
): Promise<WireResponse | undefined> {
  const query = `mount=${encodeURIComponent(blob.digest)}&from=${encodeURIComponent(from)}`;
  const otherScope = { path: from, actions: ['pull'] };
  try {
    const response = await place.send(
      { method: 'POST', to: `blobs/uploads/?${query}`, otherScope, redirects: 'own-origin', what },
      signal,
    );
    const { status } = response;
    if (status === 429 || headerOf(response, 'retry-after') !== undefined) throw await unexpected(response, signal);
    await discard(response, signal);
    return status === 201 || status === 202 ? response : undefined;
  } catch (error) {
    if (isAboutTheOther(error)) return undefined;
    throw error;
  }
}

/** The right to read the other repository is not given; some token servers do not even take the question. */
function isAboutTheOther(error: unknown): boolean {
  if (error instanceof UnexpectedAnswer) return !isTransientStatus(error.answer.status);
  return error instanceof RegistryError && ['denied', 'credentials-missing'].includes(error.code);
}
