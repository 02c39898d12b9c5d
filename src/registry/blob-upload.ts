// Brings one blob into a repository that does not have it: by a mount when the registry has it elsewhere, else by POST and one PUT
// with its length. One PUT is authorised once, at its start, so it may take hours; and its body can be opened again, so it can
// be repeated. What else a registry may want instead is found out by its refusals, see settle-upload.ts. OCI distribution-spec
// 1.1, end-4, end-6, end-11.
import type { Readable } from 'node:stream';
import { type Digest, shortDigest } from '../base/digest.ts';
import { isBrokenConnection, isTransientStatus, networkCodeOf } from '../base/transient.ts';
import { UnexpectedAnswer } from './answer.ts';
import { BlobProgress } from './blob-progress.ts';
import { seesBlob } from './blobs.ts';
import { BodyUpload, usualChunkBytes } from './body-upload.ts';
import { factsOf } from './known-hosts.ts';
import { mountBlob } from './mount-blob.ts';
import { RegistryError } from './registry-error.ts';
import { checkOwnBytes, checkStored, type Refused, settleRefusal, unseenBlob } from './settle-upload.ts';
import { commitLimitMs } from './time-limits.ts';
import { type BodyForm, type OpenedUpload, resumeUpload, startUpload, type UploadPlace } from './upload-place.ts';
import { discard, headerOf } from './wire.ts';

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

/** A mount is asked for once more after a broken connection; then the bytes are sent. */
const maxMounts = 2;
/** So often a registry is asked what it has of one half; then the bytes are sent anew. */
const maxVainQuestions = 3;
/** A large body that breaks off so often meets a limit rather than bad luck: smaller pieces may pass it. */
const maxBreaksOfBody = 2;

/** Uploads or mounts a blob that is not in the repository. Throws RegistryError, also `stalled` (exit 6). */
export async function uploadBlob(to: UploadPlace, blob: Blob, signal: AbortSignal): Promise<BlobOutcome> {
  const { place } = to;
  const what = `upload of ${shortDigest(blob.digest)} (${sizeText(blob.sizeBytes)}) to ${place.name}`;
  const limitMs =
    place.limits.stuckBlobMs + commitLimitMs(place.limits, blob.sizeBytes) - commitLimitMs(place.limits, 0);
  const progress = new BlobProgress(limitMs, () => stuck(place.party, what, limitMs));
  const upload = new BlobUpload(to, blob, what, progress);
  const either = AbortSignal.any([signal, progress.signal]);
  try {
    return await place.operate(
      'blob',
      what,
      () => upload.attempt(either),
      either,
      () => progress.mostBytes,
    );
  } finally {
    progress.pause();
  }
}

/** What one try to bring a blob leaves for the next one. */
class BlobUpload {
  readonly #to: UploadPlace;
  readonly #blob: Blob;
  readonly #what: string;
  readonly #progress: BlobProgress;
  /** The whole body went out: the answer may have been lost. */
  #isDoubtful = false;
  #mounts = 0;
  #breaks = 0;
  /** Chunks of a try that broke off. */
  #half: OpenedUpload | undefined;
  /** How often it was asked for in vain. */
  #vainQuestions = 0;
  /** Of this blob alone. */
  #ownForm: BodyForm | undefined;
  readonly #refusedForms = new Set<BodyForm['kind']>();

  constructor(to: UploadPlace, blob: Blob, what: string, progress: BlobProgress) {
    this.#to = to;
    this.#blob = blob;
    this.#what = what;
    this.#progress = progress;
  }

  async attempt(signal: AbortSignal): Promise<BlobOutcome> {
    const leave = await this.#to.slots.take(this.#blob.sizeBytes, signal);
    this.#progress.begin();
    try {
      if (this.#isDoubtful && (await this.#isThere(signal))) return 'uploaded';
      for (;;) {
        const opened = await this.#begin(signal);
        if (opened === 'mounted') return opened;
        if ((await this.#send(opened, signal)) === 'stored') return 'uploaded';
      }
    } finally {
      this.#progress.pause();
      leave();
    }
  }

  async #begin(signal: AbortSignal): Promise<OpenedUpload | 'mounted'> {
    const { mountFrom } = this.#blob;
    const resumed = await this.#resume(signal);
    if (resumed !== undefined) return resumed;
    if (mountFrom !== undefined && this.#mounts < maxMounts) {
      this.#mounts += 1;
      const mounted = await this.#mount(mountFrom, signal);
      if (mounted !== undefined) return mounted;
      this.#mounts = maxMounts;
    }
    return startUpload(this.#to, this.#what, signal);
  }

  /** A registry that does not say now what it has of the chunks may say it at the next try. */
  async #resume(signal: AbortSignal): Promise<OpenedUpload | undefined> {
    const half = this.#half;
    if (half === undefined) return undefined;
    this.#half = undefined;
    try {
      return await resumeUpload(this.#to, half, this.#blob.sizeBytes, this.#what, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RegistryError) return undefined;
      this.#vainQuestions += 1;
      if (this.#vainQuestions < maxVainQuestions) this.#half = half;
      throw error;
    }
  }

  async #mount(from: string, signal: AbortSignal): Promise<OpenedUpload | 'mounted' | undefined> {
    try {
      return await mountBlob(this.#to, this.#blob, from, this.#what, signal);
    } catch (error) {
      // Who is silent once would be silent again.
      if (!(error instanceof UnexpectedAnswer) && !isBrokenConnection(error)) this.#mounts = maxMounts;
      throw error;
    }
  }

  /** `again`: in another form, with a new upload. */
  async #send(opened: OpenedUpload, signal: AbortSignal): Promise<'stored' | 'again'> {
    const { sizeBytes, onProgress } = this.#blob;
    const form = this.#ownForm ?? this.#to.form;
    let sentBytes = 0;
    this.#isDoubtful = false;
    const onSent = (bytes: number): void => {
      sentBytes = bytes;
      this.#isDoubtful = bytes >= sizeBytes;
      this.#progress.moved(bytes);
      onProgress?.(bytes);
    };
    await using body = new BodyUpload(this.#to, { ...this.#blob, onSent }, form, opened, this.#what);
    try {
      await this.#finish(body, form, signal);
      return 'stored';
    } catch (error) {
      signal.throwIfAborted();
      this.#keepChunks(opened, body.upload, form, error);
      if (error instanceof UnexpectedAnswer) return await this.#settle(form, error, signal);
      await this.#noteBreak(form, sentBytes, error);
      throw error;
    }
  }

  async #finish(body: BodyUpload, form: BodyForm, signal: AbortSignal): Promise<void> {
    const { place } = this.#to;
    const response = await body.send(signal);
    if (response !== 'stored') {
      await discard(response, signal);
      checkStored(place, this.#blob.digest, headerOf(response, 'docker-content-digest'), this.#what);
      // Every other yes is worth a look, and so is one that came before it could know.
      const isSure = response.status === 201 && this.#isDoubtful;
      if (!isSure && !(await this.#isThere(signal))) throw unseenBlob(this.#refused(form), response.status);
    }
    // It has shown its worth; the blobs that follow need not find out.
    if (this.#ownForm !== undefined) this.#to.form = this.#ownForm;
  }

  async #settle(form: BodyForm, error: UnexpectedAnswer, signal: AbortSignal): Promise<'stored' | 'again'> {
    const next = await settleRefusal(this.#refused(form), error, signal);
    if (next === 'stored') return next;
    this.#refusedForms.add(form.kind);
    if (this.#refusedForms.has(next.kind) && next.kind !== 'chunks') throw error;
    const { log, party } = this.#to.place;
    const { status } = error.answer;
    log.info(`${this.#what}: ${party.host} answered ${status} to ${inWords(form)}; sent in ${inWords(next)} instead`);
    if (this.#ownForm === undefined) this.#to.form = next;
    else this.#ownForm = next;
    this.#half = undefined;
    return 'again';
  }

  /** The next try asks how much of them is there; but not twice, when what was said was not so. */
  #keepChunks(opened: OpenedUpload, reached: OpenedUpload, form: BodyForm, error: unknown): void {
    const status = error instanceof UnexpectedAnswer ? error.answer.status : undefined;
    const isMiscounted = status === 416 && opened.receivedBytes === 0;
    const isOpen = status === undefined || isTransientStatus(status) || isMiscounted;
    const mayAsk = factsOf(this.#to.place.party.host).forgetsChunks !== true;
    if (form.kind !== 'chunks' || reached.receivedBytes === 0 || !isOpen || !mayAsk) return;
    this.#half = reached;
    this.#vainQuestions = 0;
  }

  async #noteBreak(form: BodyForm, sentBytes: number, error: unknown): Promise<void> {
    const { sizeBytes } = this.#blob;
    const code = networkCodeOf(error);
    if (code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH') await checkOwnBytes(this.#blob, this.#what);
    if (form.kind !== 'put' || sentBytes === 0 || sizeBytes <= usualChunkBytes) return;
    this.#breaks += 1;
    const { noChunks = false } = factsOf(this.#to.place.party.host);
    if (this.#breaks < maxBreaksOfBody || this.#refusedForms.has('chunks') || noChunks) return;
    this.#ownForm = { kind: 'chunks', chunkBytes: usualChunkBytes };
  }

  #refused(form: BodyForm): Refused {
    return {
      place: this.#to.place,
      blob: this.#blob,
      what: this.#what,
      form,
      isOwnIdea: this.#ownForm !== undefined,
    };
  }

  async #isThere(signal: AbortSignal): Promise<boolean> {
    return seesBlob(this.#to.place, this.#blob, this.#what, signal);
  }
}

function stuck(party: UploadPlace['place']['party'], what: string, limitMs: number): RegistryError {
  const seconds = Math.round(limitMs / 1000);
  return new RegistryError({
    ...party,
    code: 'stalled',
    exitCode: 6,
    message: `${what}: no progress for ${seconds} s, whatever was tried`,
  });
}

function inWords(form: BodyForm): string {
  return { put: 'one PUT', patch: 'one PATCH', chunks: 'chunks' }[form.kind];
}

function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
