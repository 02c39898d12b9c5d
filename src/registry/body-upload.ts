// Sends the body of a blob to an upload that was opened: in one PUT, in one PATCH and a PUT, or in chunks of which the last one
// is that PUT. Chunks pass proxies that limit the size of bodies, and what has arrived need not be sent again; they cost a
// request each. OCI distribution-spec 1.1, end-5 and end-6.
import type { Readable } from 'node:stream';
import type { Digest } from '../base/digest.ts';
import { unexpected } from './answer.ts';
import { seesBlob } from './blobs.ts';
import { AlreadyStored, CommitWatch } from './commit-watch.ts';
import { factsOf } from './known-hosts.ts';
import { blobMediaType } from './media-types.ts';
import { PartReader } from './part-reader.ts';
import { withParameter } from './redirect.ts';
import { commitLimitMs } from './time-limits.ts';
import { type BodyForm, continueUpload, type OpenedUpload, type UploadPlace } from './upload-place.ts';
import { discard, type WireResponse } from './wire.ts';

/** Passes the limits of common proxies, and the one registry that takes no longer chunk. */
export const usualChunkBytes = 4 * 1024 * 1024;
/** A registry that wants larger ones is not believed. */
const maxMinChunkBytes = 64 * 1024 * 1024;

interface Body {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly open: () => Readable;
  /** All bytes sent so far. */
  readonly onSent: (sentBytes: number) => void;
}

/** One try to send a body. Dispose of it. */
export class BodyUpload {
  readonly #to: UploadPlace;
  readonly #body: Body;
  readonly #form: BodyForm;
  readonly #what: string;
  readonly #reader: PartReader;
  #upload: OpenedUpload;

  constructor(to: UploadPlace, body: Body, form: BodyForm, upload: OpenedUpload, what: string) {
    this.#to = to;
    this.#body = body;
    this.#form = form;
    this.#what = what;
    this.#upload = upload;
    this.#reader = new PartReader(body.open);
  }

  /** With what the registry has said that it has. */
  get upload(): OpenedUpload {
    return this.#upload;
  }

  /**
   * Sends everything that is not there.
   *
   * @returns the answer that says so, unread, or `stored` when the registry has the blob without having said so
   * @throws UnexpectedAnswer, or a network error
   */
  async send(signal: AbortSignal): Promise<WireResponse | 'stored'> {
    const { sizeBytes } = this.#body;
    const restBytes = (): number => sizeBytes - this.#upload.receivedBytes;
    const chunkBytes = this.#chunkBytes();
    while (restBytes() > chunkBytes) await this.#patch(chunkBytes, signal);
    if (this.#form.kind === 'patch') await this.#patch(restBytes(), signal);
    const response = await this.#put(restBytes(), signal);
    this.#to.open.delete(this.#upload);
    this.#to.finished.add(this.#upload);
    return response;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.close();
  }

  #chunkBytes(): number {
    if (this.#form.kind !== 'chunks') return this.#body.sizeBytes;
    const wantedBytes = Math.max(this.#form.chunkBytes, Math.min(this.#upload.minChunkBytes ?? 0, maxMinChunkBytes));
    return Math.min(wantedBytes, factsOf(this.#to.place.party.host).maxChunkBytes ?? Infinity);
  }

  async #patch(sizeBytes: number, signal: AbortSignal): Promise<void> {
    const isWhole = this.#form.kind === 'patch';
    const settings = isWhole ? { headersMs: commitLimitMs(this.#to.place.limits, sizeBytes) } : {};
    const response = await this.#request('PATCH', sizeBytes, settings, () => undefined, signal);
    await discard(response, signal);
    const receivedBytes = this.#upload.receivedBytes + sizeBytes;
    this.#upload = continueUpload(this.#to, this.#upload, response, this.#what, receivedBytes);
  }

  async #put(sizeBytes: number, signal: AbortSignal): Promise<WireResponse | 'stored'> {
    const { place } = this.#to;
    const isStored = (): Promise<boolean> => seesBlob(place, this.#body, this.#what, signal);
    const watch = new CommitWatch(place.limits.headersMs, isStored);
    let isWhole = false;
    const onWhole = (): void => {
      isWhole = true;
      watch.start();
    };
    const settings = {
      headersMs: commitLimitMs(place.limits, this.#body.sizeBytes),
      // Some proxies look at the token when everything has passed, and only then say that it has expired.
      beforeResend: async () => {
        if (isWhole && (await isStored())) throw new AlreadyStored('the registry has the blob');
      },
    };
    try {
      return await this.#request('PUT', sizeBytes, settings, onWhole, AbortSignal.any([signal, watch.signal]));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AlreadyStored) return 'stored';
      throw error;
    } finally {
      watch.stop();
    }
  }

  async #request(
    method: 'PATCH' | 'PUT',
    sizeBytes: number,
    settings: { readonly headersMs?: number; readonly beforeResend?: () => Promise<void> },
    onWhole: () => void,
    signal: AbortSignal,
  ): Promise<WireResponse> {
    const { place } = this.#to;
    const { digest, sizeBytes: wholeBytes } = this.#body;
    const from = this.#upload.receivedBytes;
    const isWhole = sizeBytes === wholeBytes;
    const range = { 'content-range': `${from}-${from + sizeBytes - 1}` };
    const onSent = (sentBytes: number): void => {
      this.#body.onSent(from + sentBytes);
      if (sentBytes >= sizeBytes) onWhole();
    };
    const response = await place.send(
      {
        method,
        to: method === 'PUT' ? withParameter(this.#upload, 'digest', digest) : this.#upload,
        headers: { 'content-type': blobMediaType, ...(isWhole || sizeBytes === 0 ? {} : range) },
        body: { sizeBytes, open: () => (isWhole ? this.#body.open() : this.#reader.open(from, sizeBytes)), onSent },
        ...settings,
        redirects: 'any-origin',
        what: this.#what,
      },
      signal,
    );
    if (response.status < 200 || response.status > 299) throw await unexpected(response, signal);
    return response;
  }
}
