// Reads a blob of any size as a stream, for passing it on while it arrives. A connection that breaks in the middle is opened
// again where it ended; the last bytes are handed out only when all of them have the digest. OCI distribution-spec 1.1,
// end-2; ranges: RFC 9110, 14.
import { createHash } from 'node:crypto';
import { type Digest, shortDigest } from '../base/digest.ts';
import { hopeOf } from '../base/transient.ts';
import { unexpected } from './answer.ts';

import { networkError } from './network-errors.ts';
import { BrokeOff } from './operation.ts';
import type { Place } from './place.ts';
import { RegistryError } from './registry-error.ts';
import { StalledError, StallWatch } from './stall-watch.ts';
import { discard, headerOf, minDownloadBytes, type WireResponse } from './wire.ts';

/** A connection may break this often without bringing what counts as progress. */
const maxBreaks = 5;
const progressBytes = 8 * 1024 * 1024;
/** How servers say that they do not know ranges; others say nothing and send all. */
const rangeRefusals: ReadonlySet<number> = new Set([400, 403, 405, 416, 501]);

/** The stream broke off without an error of its own. The code makes it a broken connection for the retry policy. */
class EndedEarly extends Error {
  readonly code = 'UND_ERR_SOCKET';
}

/**
 * The bytes of a blob.
 *
 * @throws RegistryError `not-found`; `integrity` (exit 7) for other bytes, before the last of them are handed out
 */
export async function* streamBlob(
  place: Place,
  blob: { readonly digest: Digest; readonly sizeBytes: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const what = `read ${shortDigest(blob.digest)} of ${place.name}`;
  const hash = createHash('sha256');
  let received = 0;
  let held: Uint8Array | undefined;
  let broken: { readonly error: unknown; readonly at: number; readonly times: number } | undefined;
  for (;;) {
    const { response, skipped } = await openAt(place, blob, received, broken?.error, what, signal);
    let unwanted = skipped;
    try {
      for await (const chunk of piecesOf(response)) {
        const piece = chunk.subarray(Math.min(unwanted, chunk.length));
        unwanted -= chunk.length - piece.length;
        if (piece.length === 0) continue;
        received += piece.length;
        if (received > blob.sizeBytes) throw wrongBytes(place, what, `more than ${blob.sizeBytes} bytes`);
        hash.update(piece);
        if (held !== undefined) yield held;
        held = piece;
      }
      if (received < blob.sizeBytes) throw new EndedEarly('the answer ended early');
      break;
    } catch (error) {
      signal.throwIfAborted();
      if (hopeOf(error) === 'none')
        throw networkError(place.party, what, error, { attempts: 1, elapsedMs: 0 }) ?? error;
      // It broke behind the last byte: nothing is missing.
      if (received === blob.sizeBytes) break;
      const hasMoved: boolean = broken === undefined || received - broken.at >= progressBytes;
      broken = { error, at: received, times: hasMoved ? 1 : (broken?.times ?? 0) + 1 };
      if (broken.times > maxBreaks) throw hopeless(place, what, broken.times, error);
    } finally {
      response.body.destroy();
    }
  }
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest !== blob.digest) throw wrongBytes(place, what, `bytes of ${digest}`);
  if (held !== undefined) yield held;
}

/**
 * Opens a blob at an offset. A registry that does not know ranges sends all of it: `skipped` bytes are known then.
 *
 * @param broken why the stream before this one ended; it counts as the first try
 */
async function openAt(
  place: Place,
  { digest }: { readonly digest: Digest },
  offset: number,
  broken: unknown,
  what: string,
  signal: AbortSignal,
): Promise<{ readonly response: WireResponse; readonly skipped: number }> {
  return place.operate(
    'read',
    what,
    async (number) => {
      if (number === 1 && broken !== undefined) throw new BrokeOff(broken);
      let response = await askFor(place, digest, offset, what, signal);
      if (offset > 0 && rangeRefusals.has(response.status)) {
        await discard(response, signal);
        response = await askFor(place, digest, 0, what, signal);
      }
      if (response.status === 200) return { response, skipped: offset };
      const range = headerOf(response, 'content-range') ?? '';
      if (response.status === 206 && range.startsWith(`bytes ${offset}-`)) return { response, skipped: 0 };
      if (response.status !== 206) throw await unexpected(response, signal);
      await discard(response, signal);
      throw wrongBytes(place, what, `another part (${JSON.stringify(range)}) than bytes ${offset} and up`);
    },
    signal,
  );
}

async function askFor(
  place: Place,
  digest: Digest,
  offset: number,
  what: string,
  signal: AbortSignal,
): Promise<WireResponse> {
  const headers = offset === 0 ? {} : { range: `bytes=${offset}-` };
  return place.send({ method: 'GET', to: `blobs/${digest}`, headers, redirects: 'any-origin', what }, signal);
}

/** The chunks of a body. The clock runs only while we wait for the sender: whoever takes the chunks may take his time. */
async function* piecesOf({ body, stalledDownloadMs }: WireResponse): AsyncGenerator<Uint8Array> {
  const chunks: AsyncIterator<unknown> = body[Symbol.asyncIterator]();
  const watch = new StallWatch(stalledDownloadMs, minDownloadBytes, (error) => body.destroy(error));
  try {
    for (;;) {
      watch.resume();
      const next = await chunks.next();
      watch.pause();
      if (next.done === true) return;
      if (!(next.value instanceof Uint8Array)) continue;
      watch.moved(next.value.length);
      yield next.value;
    }
  } finally {
    watch.stop();
  }
}

function wrongBytes(place: Place, what: string, got: string): RegistryError {
  return new RegistryError({
    ...place.party,
    code: 'integrity',
    exitCode: 7,
    message: `${what}: ${place.party.host} answered with ${got}`,
  });
}

function hopeless(place: Place, what: string, times: number, cause: unknown): RegistryError {
  const { party } = place;
  const isSilence = cause instanceof StalledError;
  return new RegistryError({
    ...party,
    code: isSilence ? 'stalled' : 'unavailable',
    exitCode: isSilence ? 6 : 4,
    message: `${what}: ${isSilence ? `${party.host} sent next to nothing` : `the connection to ${party.host} broke`} ${times} times`,
    attempts: times,
    cause,
  });
}
