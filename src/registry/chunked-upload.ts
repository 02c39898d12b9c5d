// Sends the body of a blob: in one PUT, or in chunks of which the last one is that PUT. Chunks pass proxies that limit the size
// of bodies; they cost a request each, and an upload that is lost begins anew. OCI distribution-spec 1.1, end-5 and end-6.
import { Readable } from 'node:stream';
import type { Digest } from '../base/digest.ts';
import { unexpected } from './answer.ts';
import { blobMediaType } from './media-types.ts';
import { withParameter } from './redirect.ts';
import { openUpload, type OpenedUpload, type UploadPlace } from './upload-place.ts';
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

/** One try to send a body to an upload that was opened. Dispose of it. */
export class ChunkedUpload {
  readonly #to: UploadPlace;
  readonly #body: Body;
  readonly #what: string;
  readonly #reader: PartReader;
  #upload: OpenedUpload;

  constructor(to: UploadPlace, body: Body, upload: OpenedUpload, what: string) {
    this.#to = to;
    this.#body = body;
    this.#what = what;
    this.#upload = upload;
    this.#reader = new PartReader(body.open);
  }

  /** Sends everything. @returns the answer that says so, unread. Throws UnexpectedAnswer, or a network error. */
  async send(signal: AbortSignal): Promise<WireResponse> {
    const { sizeBytes } = this.#body;
    const chunkBytes = this.#chunkBytes();
    let offset = 0;
    for (; sizeBytes - offset > chunkBytes; offset += chunkBytes) await this.#sendChunk(offset, chunkBytes, signal);
    const response = await this.#request('PUT', offset, sizeBytes - offset, signal);
    this.#to.open.delete(this.#upload);
    return response;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.close();
  }

  #chunkBytes(): number {
    const { chunkBytes } = this.#to;
    if (chunkBytes === 0) return this.#body.sizeBytes;
    return Math.max(chunkBytes, Math.min(this.#upload.minChunkBytes ?? 0, maxMinChunkBytes));
  }

  async #sendChunk(offset: number, sizeBytes: number, signal: AbortSignal): Promise<void> {
    const response = await this.#request('PATCH', offset, sizeBytes, signal);
    await discard(response, signal);
    this.#to.open.delete(this.#upload);
    this.#upload = openUpload(this.#to, response, this.#what);
  }

  async #request(
    method: 'PATCH' | 'PUT',
    offset: number,
    sizeBytes: number,
    signal: AbortSignal,
  ): Promise<WireResponse> {
    const { place } = this.#to;
    const { digest, sizeBytes: wholeBytes } = this.#body;
    const isWhole = sizeBytes === wholeBytes;
    const range = { 'content-range': `${offset}-${offset + sizeBytes - 1}` };
    const response = await place.send(
      {
        method,
        to: method === 'PUT' ? withParameter(this.#upload, 'digest', digest) : this.#upload,
        headers: { 'content-type': blobMediaType, ...(isWhole ? {} : range) },
        body: {
          sizeBytes,
          open: () => (isWhole ? this.#body.open() : this.#reader.open(offset, sizeBytes)),
          onSent: (sentBytes) => this.#body.onSent(offset + sentBytes),
        },
        ...(method === 'PUT' ? { headersMs: place.limits.commitMs } : {}),
        redirects: 'any-origin',
        what: this.#what,
      },
      signal,
    );
    if (![200, 201, 202, 204].includes(response.status)) throw await unexpected(response, signal);
    return response;
  }
}

/** Parts of a stream, one after the other, without opening it for each. A part that is asked for again opens it anew. */
class PartReader {
  readonly #open: () => Readable;
  #chunks: AsyncIterator<unknown> | undefined;
  #rest: Uint8Array = new Uint8Array();
  #at = 0;

  constructor(open: () => Readable) {
    this.#open = open;
  }

  open(offset: number, sizeBytes: number): Readable {
    return Readable.from(this.#part(offset, sizeBytes), { objectMode: false });
  }

  async close(): Promise<void> {
    await this.#chunks?.return?.();
    this.#chunks = undefined;
  }

  async *#part(offset: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
    if (this.#chunks === undefined || this.#at !== offset) await this.#seek(offset);
    for (let left = sizeBytes; left > 0;) {
      const piece = await this.#take(left);
      if (piece === undefined) return;
      left -= piece.length;
      yield piece;
    }
  }

  async #seek(offset: number): Promise<void> {
    await this.close();
    this.#chunks = this.#open()[Symbol.asyncIterator]();
    this.#rest = new Uint8Array();
    this.#at = 0;
    while (this.#at < offset && (await this.#take(offset - this.#at)) !== undefined);
  }

  /** The next bytes, at most so many; undefined at the end. */
  async #take(maxBytes: number): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) {
      const next = await this.#chunks?.next();
      if (next === undefined || next.done === true || !(next.value instanceof Uint8Array)) return undefined;
      this.#rest = next.value;
    }
    const piece = this.#rest.subarray(0, maxBytes);
    this.#rest = this.#rest.subarray(piece.length);
    this.#at += piece.length;
    return piece;
  }
}
