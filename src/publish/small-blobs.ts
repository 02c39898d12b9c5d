// Small blobs of a source are read once and kept: configs are looked into and then copied, several targets get the same bytes,
// and a target that breaks off is no reason to ask the source again.
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Digest } from '../base/digest.ts';
import type { ImageSource } from './image-source.ts';

const maxBlobBytes = 1024 * 1024;
/** Beyond this they are streamed like large ones. */
const maxKeptBytes = 32 * 1024 * 1024;

/** The same source, with a memory for small blobs. */
export function keepSmallBlobs(source: ImageSource): ImageSource {
  const kept = new Map<Digest, Promise<Buffer>>();
  let keptBytes = 0;
  const read: ImageSource['openBlob'] = (blob, signal) => {
    const { digest, sizeBytes } = blob;
    const isKept = kept.has(digest);
    if (!isKept && (sizeBytes > maxBlobBytes || keptBytes + sizeBytes > maxKeptBytes))
      return source.openBlob(blob, signal);
    if (!isKept) {
      keptBytes += sizeBytes;
      const reading = buffer(source.openBlob(blob, signal));
      kept.set(digest, reading);
      // Whoever waits for it is told; the next one tries again.
      reading.catch(() => {
        if (kept.delete(digest)) keptBytes -= sizeBytes;
      });
    }
    return Readable.from(bytesOf(kept.get(digest)), { objectMode: false });
  };
  return {
    name: source.name,
    isMountable: source.isMountable,
    getManifest: source.getManifest.bind(source),
    openBlob: read,
    ...(source.listReferrers === undefined ? {} : { listReferrers: source.listReferrers.bind(source) }),
    ...(source.getTagged === undefined ? {} : { getTagged: source.getTagged.bind(source) }),
  };
}

async function* bytesOf(reading: Promise<Buffer> | undefined): AsyncGenerator<Buffer> {
  const bytes = await reading;
  if (bytes !== undefined && bytes.length > 0) yield bytes;
}
