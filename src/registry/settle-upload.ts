// What follows from the refusal of a blob's body: another form that the registry may take, a new upload, an error that says who
// is wrong, or nothing at all, because the blob is there.
import { createHash } from 'node:crypto';
import { type Digest, isDigest } from '../base/digest.ts';
import { isTransientStatus } from '../base/transient.ts';
import type { UnexpectedAnswer } from './answer.ts';
import { seesBlob } from './blobs.ts';
import type { Blob } from './blob-upload.ts';
import { usualChunkBytes } from './body-upload.ts';
import { StartOver } from './operation.ts';
import type { Place } from './place.ts';
import { refusal } from './refusal.ts';
import { RegistryError } from './registry-error.ts';
import type { BodyForm } from './upload-place.ts';

/** An upload that the registry has forgotten is begun anew this often in all: replicas without a common memory. */
const lostUploadAttempts = 4;
const damagedUploadAttempts = 2;
/** A registry that said yes may need a moment until it shows the blob. */
const unseenAttempts = 3;

/** A body that was refused. */
export interface Refused {
  readonly place: Place;
  readonly blob: Blob;
  readonly what: string;
  readonly form: BodyForm;
  /** Nobody asked for this form: the whole body broke off again and again. */
  readonly isOwnIdea: boolean;
}

/**
 * Judges the refusal of a body.
 *
 * @returns `stored` when the blob is there all the same, or the form to try instead, in a new upload
 * @throws StartOver, RegistryError, or the error as it came where there is nothing better to do
 */
export async function settleRefusal(
  refused: Refused,
  error: UnexpectedAnswer,
  signal: AbortSignal,
): Promise<'stored' | BodyForm> {
  const { answer } = error;
  if (isTransientStatus(answer.status)) throw error;
  const other = otherForm(refused, answer.status);
  if (answer.status === 413 || answer.status === 416) {
    if (other !== undefined) return other;
    throw answer.status === 413 ? error : startOver(refused, error, 'the registry has lost count of the chunks');
  }
  // Somebody else may have been faster.
  if (await seesBlob(refused.place, refused.blob, refused.what, signal)) return 'stored';
  if (answer.codes.includes('DIGEST_INVALID') || answer.codes.includes('SIZE_INVALID')) {
    await checkOwnBytes(refused.blob, refused.what);
    // Nobody had asked for chunks: it may put them together wrongly, and take the whole.
    if (other?.kind === 'put') return other;
    throw startOver(refused, error, 'the registry received other bytes', damagedUploadAttempts);
  }
  if (other !== undefined) return other;
  throw answer.status === 404 ? lostUpload(refused) : error;
}

/** What may pass instead. */
function otherForm({ form, isOwnIdea, blob }: Refused, status: number): BodyForm | undefined {
  const chunks = { kind: 'chunks', chunkBytes: usualChunkBytes } as const;
  const isLarge = blob.sizeBytes > usualChunkBytes;
  if (form.kind !== 'chunks') {
    if (status === 413 && isLarge) return chunks;
    return form.kind === 'put' && (status === 405 || status === 501) ? { kind: 'patch' } : undefined;
  }
  if (status === 416 && isLarge && form.chunkBytes > usualChunkBytes) return chunks;
  return isOwnIdea && ![404, 413, 416].includes(status) ? { kind: 'put' } : undefined;
}

function startOver(
  { place, what }: Refused,
  { answer }: UnexpectedAnswer,
  cause: string,
  attempts = lostUploadAttempts,
): StartOver {
  const operation = { kind: 'blob', what, repository: place.name, party: place.party } as const;
  return new StartOver(cause, attempts, refusal(operation, answer, { attempts: 1, elapsedMs: 0 }));
}

function lostUpload({ place, what }: Refused): StartOver {
  const outcome = new RegistryError({
    ...place.party,
    code: 'upload-lost',
    exitCode: 4,
    message: `${what}: ${place.party.host} forgets uploads before they end`,
    hint: 'several replicas of a registry need one shared secret, or a balancer that keeps a client on one of them',
    status: 404,
  });
  return new StartOver('the registry forgot the upload', lostUploadAttempts, outcome);
}

/** The answer was an odd kind of yes, and the blob is not there. */
export function unseenBlob({ place, what }: Refused, status: number): StartOver {
  const outcome = new RegistryError({
    ...place.party,
    code: 'upload-lost',
    exitCode: 4,
    message: `${what}: ${place.party.host} answered ${status} and does not have it`,
    hint: 'a proxy in between may answer in the place of the registry',
    status,
  });
  return new StartOver(`${place.party.host} answered ${status} and does not have it`, unseenAttempts, outcome);
}

/** Throws RegistryError `integrity` when a registry names another digest than that of the blob. */
export function checkStored(place: Place, digest: Digest, stored: string | undefined, what: string): void {
  if (stored === undefined || !isDigest(stored) || stored === digest) return;
  throw new RegistryError({
    ...place.party,
    code: 'integrity',
    exitCode: 7,
    message: `${what}: ${place.party.host} stored ${stored} instead of ${digest}`,
  });
}

/** Whether it is us who send the wrong bytes: throws RegistryError `export-damaged` then. */
export async function checkOwnBytes(blob: Blob, what: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of blob.open()) hash.update(chunk);
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest === blob.digest) return;
  throw new RegistryError({
    host: '',
    side: 'source',
    code: 'export-damaged',
    exitCode: 7,
    message: `${what}: what is to be uploaded has the digest ${digest}: it changed after it was hashed`,
  });
}
