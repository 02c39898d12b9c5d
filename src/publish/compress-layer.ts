// Packs a layer as a row of independent gzip members (or zstd frames) of 1 MiB each, many at once on the thread pool. The
// bytes depend on nothing but the input, the level and the libraries inside Node: a second run gives the same digest, whatever
// the parallelism. RFC 1952 (2.2) allows members in a row, RFC 8878 (3) frames, and every OCI client reads them.
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { Digest } from '../base/digest.ts';
import type { ImageFormat } from './image-format.ts';

const gzip = promisify(zlib.gzip);

/** Members of 1 MiB cost 0.15 % in size against one long member; larger ones win nothing. */
const memberBytes = 1024 * 1024;
/** Native output buffers grow in steps of this. */
const outputStepBytes = 256 * 1024;

export interface CompressedLayer {
  /** sha256 of what went in. */
  readonly diffId: Digest;
  /** sha256 of the file. */
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly rawBytes: number;
}

export interface CompressOptions {
  /** Path of a file that does not exist yet; made with mode 0600. */
  readonly file: string;
  readonly format: Pick<ImageFormat, 'compression' | 'level'>;
  /** Members in flight; each holds about 3 MiB. */
  readonly parallelism: number;
  readonly signal: AbortSignal;
}

/** Compresses a stream into a file, reading only as fast as the members get done. The caller removes the file. */
export async function compressLayer(
  content: AsyncIterable<Uint8Array>,
  options: CompressOptions,
): Promise<CompressedLayer> {
  const raw = createHash('sha256');
  const packed = createHash('sha256');
  const inFlight: Promise<Buffer>[] = [];
  let rawBytes = 0;
  let sizeBytes = 0;
  const handle = await open(options.file, 'wx', 0o600);
  try {
    const writeOldest = async (): Promise<void> => {
      const member = await inFlight.shift();
      if (member === undefined) return;
      packed.update(member);
      sizeBytes += member.length;
      await handle.writeFile(member);
    };
    const blocks = new BlockPool();
    const start = (block: Buffer): void => {
      const member = packers[options.format.compression](block, options.format.level).finally(() => {
        blocks.giveBack(block);
      });
      // Its failure is met where it is awaited; until then it must not count as unhandled.
      member.catch(() => undefined);
      inFlight.push(member);
    };
    for await (const block of blocksOf(content, blocks)) {
      options.signal.throwIfAborted();
      raw.update(block);
      rawBytes += block.length;
      start(block);
      if (inFlight.length >= options.parallelism) await writeOldest();
    }
    // Nothing at all is still one (empty) member: an empty file is neither gzip nor zstd.
    if (rawBytes === 0) start(Buffer.alloc(0));
    while (inFlight.length > 0) await writeOldest();
  } finally {
    await Promise.allSettled(inFlight);
    await handle.close();
  }
  return { diffId: `sha256:${raw.digest('hex')}`, digest: `sha256:${packed.digest('hex')}`, sizeBytes, rawBytes };
}

type Pack = (block: Buffer, level: number) => Promise<Buffer>;

const packers: Readonly<Record<ImageFormat['compression'], Pack>> = {
  async gzip(block, level) {
    const member = await gzip(block, { level, chunkSize: outputStepBytes });
    // RFC 1952 header: MTIME (4 to 7) none, OS (9) Unix whatever system this is.
    member.fill(0, 4, 8);
    member[9] = 3;
    return member;
  },
  zstd: (block, level) =>
    new Promise((resolve, reject) => {
      const compress: unknown = Reflect.get(zlib, 'zstdCompress');
      if (!isZstd(compress)) throw new Error('this Node has no zstd');
      const params = { [compressionLevelParameter]: level };
      compress(block, { params }, (error, frame) => (error === null ? resolve(frame) : reject(error)));
    }),
  // A copy: the block is filled again before this is written.
  uncompressed: async (block) => Buffer.from(block),
};

type ZstdCompress = (
  block: Buffer,
  options: { readonly params: Readonly<Record<number, number>> },
  done: (error: Error | null, frame: Buffer) => void,
) => void;

/** ZSTD_c_compressionLevel of zstd.h. */
const compressionLevelParameter = 100;

function isZstd(value: unknown): value is ZstdCompress {
  return typeof value === 'function';
}

/** Whether the Node that runs this can pack a layer in this way: zstd is in it since 22.15. */
export function canPack(compression: ImageFormat['compression']): boolean {
  return compression !== 'zstd' || isZstd(Reflect.get(zlib, 'zstdCompress'));
}

/** Blocks are used again: left to the garbage collector they would pile up outside of its sight. */
class BlockPool {
  readonly #spare: Buffer[] = [];

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(memberBytes);
  }

  /** @param block as it was taken, or the filled start of it */
  giveBack(block: Buffer): void {
    if (block.byteOffset === 0 && block.buffer.byteLength === memberBytes) this.#spare.push(Buffer.from(block.buffer));
  }
}

/** Cuts a stream into blocks of `memberBytes`; the last one is shorter. Each is the consumer's until it gives it back. */
async function* blocksOf(content: AsyncIterable<Uint8Array>, blocks: BlockPool): AsyncGenerator<Buffer> {
  let block = blocks.take();
  let filled = 0;
  for await (const chunk of content) {
    let offset = 0;
    while (offset < chunk.length) {
      const part = chunk.subarray(offset, offset + memberBytes - filled);
      block.set(part, filled);
      filled += part.length;
      offset += part.length;
      if (filled === memberBytes) {
        yield block;
        block = blocks.take();
        filled = 0;
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
