// Where the uploads of a repository go: the Locations that its registry names, which are open until a blob is complete, and what
// is known about the bodies that it takes.
import { withGrace } from '../base/grace.ts';
import { isTransientStatus } from '../base/transient.ts';
import { unexpected } from './answer.ts';
import type { Place } from './place.ts';
import { ForbiddenTarget, type RequestTarget, resolveTarget } from './redirect.ts';
import { RegistryError } from './registry-error.ts';
import type { UploadSlots } from './upload-slots.ts';
import { discard, headerOf, type WireResponse } from './wire.ts';

/** How the bytes of a blob travel: all in the PUT, all in one PATCH before it, or in chunks of which the last is the PUT. */
export type BodyForm = { readonly kind: 'put' | 'patch' } | { readonly kind: 'chunks'; readonly chunkBytes: number };

/** Where uploads of a repository go, and which are open. */
export interface UploadPlace {
  readonly place: Place;
  readonly slots: UploadSlots;
  /** For cancelling. */
  readonly open: Set<RequestTarget>;
  /** Those of blobs that are stored, as the registry says. */
  readonly finished: Set<RequestTarget>;
  /** Told what in the query of a Location may give access to an upload: states, signatures. */
  readonly redact: (secret: string) => void;
  /** Changes when the registry turns out to want another one. */
  form: BodyForm;
}

/** An upload that the registry has opened. */
export interface OpenedUpload extends RequestTarget {
  /** What it has of the blob already. */
  readonly receivedBytes: number;
  /** The registry wants no smaller chunks than this, but for the last one. */
  readonly minChunkBytes?: number;
}

/** Shorter values are sizes, flags and words. */
const minSecretLength = 16;

/** What is opened by an answer that nobody waits for stays open: a run that is stopped gives it this long. */
const lateAnswerMs = 300;

/** POST for an upload. Throws UnexpectedAnswer, or RegistryError `bad-location`. */
export async function startUpload(to: UploadPlace, what: string, signal: AbortSignal): Promise<OpenedUpload> {
  return askToOpen(signal, async (late) => {
    const response = await to.place.send({ method: 'POST', to: 'blobs/uploads/', redirects: 'own-origin', what }, late);
    // 202 it should be; whoever names a place has opened one.
    if (response.status < 200 || response.status > 299) throw await unexpected(response, late);
    await discard(response, late);
    return openUpload(to, response, what);
  });
}

/** Carries out a request that may open an upload. A run that is stopped waits a moment for it, so that it can be cancelled. */
export async function askToOpen<Result>(
  signal: AbortSignal,
  ask: (late: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const result = await withGrace(signal, lateAnswerMs, ask);
  signal.throwIfAborted();
  return result;
}

/** The values of a query that are long enough to be a secret, as they are written and as they are meant. */
function secretsIn({ path }: RequestTarget): readonly string[] {
  const question = path.indexOf('?');
  if (question < 0) return [];
  const query = path.slice(question + 1);
  const raw = query.split('&').map((parameter) => parameter.slice(parameter.indexOf('=') + 1));
  const values = new Set([...raw, ...new URLSearchParams(query).values()]);
  return [...values].filter((value) => value.length >= minSecretLength && !/^sha\d+(?::|%3a)/i.test(value));
}

/** Enters the Location of an answer. Throws RegistryError `bad-location`. */
export function openUpload(to: UploadPlace, response: WireResponse, what: string, receivedBytes = 0): OpenedUpload {
  const location = headerOf(response, 'location');
  const minimum = Number(headerOf(response, 'oci-chunk-min-length') ?? Number.NaN);
  try {
    if (location === undefined) throw new ForbiddenTarget('it does not say where to');
    const target = { ...resolveTarget(location, response.target), receivedBytes };
    for (const secret of secretsIn(target)) to.redact(secret);
    const opened = Number.isSafeInteger(minimum) ? { ...target, minChunkBytes: minimum } : target;
    to.open.add(opened);
    return opened;
  } catch (error) {
    if (!(error instanceof ForbiddenTarget)) throw error;
    const { party } = to.place;
    throw new RegistryError({
      ...party,
      code: 'bad-location',
      exitCode: 4,
      message: `${what}: ${party.host} names no usable place for the upload: ${error.message}`,
    });
  }
}

/** The upload after a PATCH was taken. Its Location may be a new one, and need not be said again when it is not. */
export function continueUpload(
  to: UploadPlace,
  upload: OpenedUpload,
  response: WireResponse,
  what: string,
  receivedBytes: number,
): OpenedUpload {
  const minimum = upload.minChunkBytes === undefined ? {} : { minChunkBytes: upload.minChunkBytes };
  const place = headerOf(response, 'location') === undefined ? upload : openUpload(to, response, what, receivedBytes);
  const continued = { ...minimum, ...place, receivedBytes };
  to.open.delete(upload);
  to.open.delete(place);
  to.open.add(continued);
  return continued;
}

/**
 * Asks how much of an upload has arrived. The answer is a hint: whether the bytes were put together well is seen by the digest.
 *
 * @returns undefined when it has to begin anew; throws UnexpectedAnswer where a later answer may say more
 */
export async function resumeUpload(
  to: UploadPlace,
  upload: OpenedUpload,
  sizeBytes: number,
  what: string,
  signal: AbortSignal,
): Promise<OpenedUpload | undefined> {
  const response = await to.place.send({ method: 'GET', to: upload, redirects: 'none', what }, signal);
  if (isTransientStatus(response.status)) throw await unexpected(response, signal);
  await discard(response, signal);
  const last = /^(?:bytes=)?0-(\d+)$/.exec(headerOf(response, 'range') ?? '')?.[1];
  // "0-0" is also how nothing is written.
  const receivedBytes = Number(last ?? 0) === 0 ? 0 : Number(last) + 1;
  const isUsable = response.status < 300 && receivedBytes > 0 && receivedBytes <= sizeBytes;
  return isUsable ? continueUpload(to, upload, response, what, receivedBytes) : undefined;
}
