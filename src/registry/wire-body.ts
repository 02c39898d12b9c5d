// The body of a request: bytes that can be opened anew for each try, counted on their way out, and the watch over a server
// that does not take them or takes them and says nothing. Time that our own side needs to bring bytes is not its time.
import { Readable } from 'node:stream';
import { StalledError, StallWatch } from './stall-watch.ts';

/** A body of known size. */
export interface WireBody {
  readonly sizeBytes: number;
  /** A fresh stream at each call. */
  open(): Readable;
  /** Told how many bytes went out, after each piece; at least once for a body without bytes. */
  onSent?(sentBytes: number): void;
}

/** A body that is in memory. */
export function bytesBody(bytes: Uint8Array): WireBody {
  return { sizeBytes: bytes.length, open: () => Readable.from([bytes], { objectMode: false }) };
}

export interface BodyLimits {
  /** For a piece to be taken. */
  readonly stalledMs: number;
  /** From the last byte to the headers of the answer. */
  readonly headersMs: number;
}

/**
 * Opens a body and aborts `stalled` when the server does not go on. Call `stop` when the answer is there, or will not come.
 *
 * @returns `failure`: what the body's own source broke off with
 */
export function watchedBody(
  body: WireBody,
  limits: BodyLimits,
  stalled: AbortController,
): { readonly stream: Readable; readonly failure: () => unknown; stop(): void } {
  const watch = new StallWatch(limits.stalledMs, 1, (error) => stalled.abort(error));
  watch.pause();
  let answer: NodeJS.Timeout | undefined;
  let isOver = false;
  const onWhole = (): void => {
    watch.stop();
    if (isOver) return;
    answer = setTimeout(() => stalled.abort(new StalledError('no answer in time')), limits.headersMs);
  };
  const source = body.open();
  const stream = Readable.from(counted(source, body, watch, onWhole), { objectMode: false });
  // Whoever reads is told of errors; before and after that they concern nobody.
  let failure: unknown;
  source.on('error', (error) => {
    failure = error;
  });
  stream.once('close', () => source.destroy());
  return {
    stream,
    failure: () => failure,
    stop: () => {
      isOver = true;
      watch.stop();
      clearTimeout(answer);
      stream.destroy();
    },
  };
}

/** What is yielded is with the server until the next piece is asked for. */
async function* counted(
  source: Readable,
  body: WireBody,
  watch: StallWatch,
  onWhole: () => void,
): AsyncGenerator<Uint8Array> {
  let sentBytes = 0;
  for await (const chunk of source) {
    const piece: Uint8Array = chunk instanceof Uint8Array ? chunk : Buffer.from(chunk);
    watch.resume();
    yield piece;
    watch.pause();
    watch.moved(piece.length);
    sentBytes += piece.length;
    body.onSent?.(sentBytes);
  }
  if (body.sizeBytes === 0) body.onSent?.(0);
  if (sentBytes >= body.sizeBytes) onWhole();
}
