// Brings one blob into a repository: not at all when it is there, by a mount when the registry has it elsewhere, else by
// POST and one PUT with its length (chunks before it where they are wanted, see chunked-upload.ts). One PUT is authorised once, at its start, so it may take hours; and its body can be opened
// again, so it can be repeated. OCI distribution-spec 1.1, end-4, end-6, end-11.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type Digest, isDigest } from '../base/digest.ts';
import { isTransientStatus } from '../base/transient.ts';
import { UnexpectedAnswer, unexpected } from './answer.ts';
import { seesBlob, shortDigest } from './blobs.ts';
import { ChunkedUpload, usualChunkBytes } from './chunked-upload.ts';
import { StartOver } from './operation.ts';
import type { Place } from './place.ts';
import { refusal } from './refusal.ts';
import { RegistryError } from './registry-error.ts';
import { openUpload, type OpenedUpload, type UploadPlace } from './upload-place.ts';
import { discard, headerOf, type WireResponse } from './wire.ts';

/** A blob that is to be in the repository. */
export interface Blob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** A fresh stream of all bytes at each call. */
  readonly open: () => Readable;
  /** Path of a repository on the same registry that has it. */
  readonly mountFrom?: string;
  /** Bytes sent by the current try. */
  readonly onProgress?: (sentBytes: number) => void;
}

export type BlobOutcome = 'exists' | 'mounted' | 'uploaded';

/** An upload that the registry has forgotten is begun anew this often in all: replicas without a common memory. */
const lostUploadAttempts = 4;
const damagedUploadAttempts = 2;

/** Uploads or mounts a blob that is not in the repository. */
export async function uploadBlob(to: UploadPlace, blob: Blob, signal: AbortSignal): Promise<BlobOutcome> {
  const { place, slots } = to;
  const what = `upload of ${shortDigest(blob.digest)} (${sizeText(blob.sizeBytes)}) to ${place.name}`;
  const progress = { wasSentWhole: false, mostBytes: 0 };
  return place.operate(
    'blob',
    what,
    async () => {
      const leave = await slots.take(blob.sizeBytes, signal);
      try {
        // The answer to an earlier try may have been lost.
        if (progress.wasSentWhole && (await seesBlob(place, blob, what, signal))) return 'uploaded';
        const start = await beginUpload(to, blob, what, signal);
        if (start === 'mounted') return start;
        await sendBody(to, blob, start, what, progress, signal);
        return 'uploaded';
      } finally {
        leave();
      }
    },
    signal,
    () => progress.mostBytes,
  );
}

async function beginUpload(
  to: UploadPlace,
  blob: Blob,
  what: string,
  signal: AbortSignal,
): Promise<OpenedUpload | 'mounted'> {
  const { place } = to;
  const mounted = blob.mountFrom === undefined ? undefined : await tryMount(place, blob, blob.mountFrom, what, signal);
  if (mounted?.status === 201) {
    // Some registries say so and have nothing.
    if (await seesBlob(place, blob, what, signal)) return 'mounted';
  } else if (mounted !== undefined) {
    return openUpload(to, mounted, what);
  }
  return startUpload(to, what, signal);
}

/** POST for an upload. */
export async function startUpload(to: UploadPlace, what: string, signal: AbortSignal): Promise<OpenedUpload> {
  const response = await to.place.send({ method: 'POST', to: 'blobs/uploads/', redirects: 'own-origin', what }, signal);
  if (response.status !== 202) throw await unexpected(response, signal);
  await discard(response, signal);
  return openUpload(to, response, what);
}

/** undefined: this registry or this login cannot do it, which costs only the upload. */
async function tryMount(
  place: Place,
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
    await discard(response, signal);
    return response.status === 201 || response.status === 202 ? response : undefined;
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

interface SendProgress {
  wasSentWhole: boolean;
  mostBytes: number;
}

async function sendBody(
  to: UploadPlace,
  blob: Blob,
  opened: OpenedUpload,
  what: string,
  progress: SendProgress,
  signal: AbortSignal,
): Promise<void> {
  progress.wasSentWhole = false;
  const onSent = (sentBytes: number): void => {
    progress.wasSentWhole = sentBytes >= blob.sizeBytes;
    progress.mostBytes = Math.max(progress.mostBytes, sentBytes);
    blob.onProgress?.(sentBytes);
  };
  try {
    await using chunks = new ChunkedUpload(to, { ...blob, onSent }, opened, what);
    const response = await chunks.send(signal);
    await discard(response, signal);
    checkStored(to.place, blob, headerOf(response, 'docker-content-digest'), what);
  } catch (error) {
    if (!(error instanceof UnexpectedAnswer)) throw error;
    await settleRefusedBody(to, blob, error, what, signal);
  }
}

/** Returns when the blob is there all the same: somebody else may have been faster. */
async function settleRefusedBody(
  to: UploadPlace,
  blob: Blob,
  error: UnexpectedAnswer,
  what: string,
  signal: AbortSignal,
): Promise<void> {
  const { answer } = error;
  const { place } = to;
  const operation = { kind: 'blob', what, repository: place.name, party: place.party } as const;
  const once = { attempts: 1, elapsedMs: 0 };
  if (answer.status === 413 && to.chunkBytes === 0 && blob.sizeBytes > usualChunkBytes) {
    to.chunkBytes = usualChunkBytes;
    const outcome = refusal(operation, answer, once);
    throw new StartOver('it takes no body of this size, so chunks are sent', lostUploadAttempts, outcome);
  }
  if (answer.status === 416) {
    const outcome = refusal(operation, answer, once);
    throw new StartOver('the registry has lost count of the chunks', lostUploadAttempts, outcome);
  }
  if (![400, 404, 409].includes(answer.status)) throw error;
  if (await seesBlob(place, blob, what, signal)) return;
  if (answer.codes.includes('DIGEST_INVALID') || answer.codes.includes('SIZE_INVALID')) {
    await checkOwnBytes(blob, what);
    const outcome = refusal(operation, answer, once);
    throw new StartOver('the registry received other bytes', damagedUploadAttempts, outcome);
  }
  if (answer.status !== 404) throw error;
  const outcome = new RegistryError({
    ...place.party,
    code: 'upload-lost',
    exitCode: 4,
    message: `${what}: ${place.party.host} forgets uploads before they end`,
    hint: 'several replicas of a registry need one shared secret, or a balancer that keeps a client on one of them',
    status: 404,
  });
  throw new StartOver('the registry forgot the upload', lostUploadAttempts, outcome);
}

function checkStored(place: Place, blob: Blob, stored: string | undefined, what: string): void {
  if (stored === undefined || !isDigest(stored) || stored === blob.digest) return;
  throw new RegistryError({
    ...place.party,
    code: 'integrity',
    exitCode: 7,
    message: `${what}: ${place.party.host} stored ${stored} instead of ${blob.digest}`,
  });
}

/** Whether it is us who send the wrong bytes. */
async function checkOwnBytes(blob: Blob, what: string): Promise<void> {
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

function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
