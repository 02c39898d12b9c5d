// The body of a request: bytes that can be opened anew for each try, counted on their way out.
import { Readable, Transform, pipeline } from 'node:stream';
import { StallWatch } from './stall-watch.ts';

/** A body of known size. */
export interface WireBody {
  readonly sizeBytes: number;
  /** A fresh stream at each call. */
  open(): Readable;
  /** Told how many bytes went out, after each piece. */
  onSent?(sentBytes: number): void;
}

/** A body that is in memory. */
export function bytesBody(bytes: Uint8Array): WireBody {
  return { sizeBytes: bytes.length, open: () => Readable.from([bytes], { objectMode: false }) };
}

/** Opens a body and aborts `stalled` when it stops moving before all of it is out. Call `stop` when the request is over. */
export function watchedBody(
  body: WireBody,
  stalledMs: number,
  stalled: AbortController,
): { readonly stream: Readable; stop(): void } {
  const watch = new StallWatch(stalledMs, 1, (error) => stalled.abort(error));
  if (body.sizeBytes === 0) watch.stop();
  let sentBytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sentBytes += chunk.length;
      watch.moved(chunk.length);
      // From here on the server works: that wait has a limit of its own.
      if (sentBytes >= body.sizeBytes) watch.stop();
      body.onSent?.(sentBytes);
      done(null, chunk);
    },
  });
  const stream = pipeline(body.open(), counter, () => watch.stop());
  return {
    stream,
    stop: () => {
      watch.stop();
      stream.destroy();
    },
  };
}
