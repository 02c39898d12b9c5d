import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canPack, compressLayer } from '../../../src/publish/compress-layer.ts';
import { usualFormat } from '../../../src/publish/image-format.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'compress-layer-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const signal = new AbortController().signal;
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Bytes that compress somewhat, the same in every run. */
function sample(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let seed = 7;
  for (let position = 0; position < size; position++) {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    bytes[position] = (seed >> 16) & (position % 3 === 0 ? 0xff : 0x07);
  }
  return bytes;
}

async function* inChunks(bytes: Buffer, chunkBytes: number): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += chunkBytes) yield bytes.subarray(offset, offset + chunkBytes);
}

async function compress(bytes: Buffer, parallelism: number, chunkBytes = 65_536, name = 'layer.gz') {
  const file = join(folder, name);
  const layer = await compressLayer(inChunks(bytes, chunkBytes), { file, format: usualFormat, parallelism, signal });
  return { layer, file, packed: readFileSync(file) };
}

describe('a compressed layer', () => {
  it.each([0, 1, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 3_500_000])(
    'of %i bytes unpacks to what went in, and its digests are right',
    async (size) => {
      const bytes = sample(size);
      const { layer, packed } = await compress(bytes, 3);
      expect(Buffer.compare(gunzipSync(packed), bytes)).toBe(0);
      expect(layer).toEqual({
        diffId: sha256(bytes),
        digest: sha256(packed),
        sizeBytes: packed.length,
        rawBytes: size,
      });
    },
  );

  it('has the same bytes for any parallelism and any cut of the input', async () => {
    const bytes = sample(5_300_000);
    const digests = new Set<string>();
    for (const [position, [parallelism, chunkBytes]] of [
      [1, 65_536],
      [2, 512],
      [4, 1_048_577],
      [16, 9_999_999],
    ].entries()) {
      const { layer } = await compress(bytes, parallelism ?? 1, chunkBytes, String(position));
      digests.add(layer.digest);
    }
    expect(digests.size).toBe(1);
  });

  it('carries no time and no system in its members', async () => {
    const { packed } = await compress(sample(1000), 1);
    expect([...packed.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
  });

  it('is readable for its owner alone', async () => {
    const { file } = await compress(sample(10), 1);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('reads no further ahead than its window', async () => {
    const block = sample(1_048_576);
    const memberBytes = (await compress(block, 1)).layer.sizeBytes;
    const file = join(folder, 'window.gz');
    const ahead: number[] = [];
    async function* source(): AsyncGenerator<Buffer> {
      for (let produced = 0; produced < 20; produced++) {
        ahead.push(produced - statSync(file).size / memberBytes);
        yield block;
      }
    }
    await compressLayer(source(), { file, format: usualFormat, parallelism: 4, signal });
    expect(Math.max(...ahead)).toBeLessThanOrEqual(4);
    expect(Math.max(...ahead)).toBeGreaterThan(1);
  });

  it('never overwrites a file', async () => {
    await compress(sample(10), 1);
    await expect(compress(sample(10), 1)).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it('passes on a failure of its source and leaves no promise behind', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield sample(3_000_000);
      throw new Error('cut');
    }
    await expect(
      compressLayer(broken(), { file: join(folder, 'broken.gz'), format: usualFormat, parallelism: 4, signal }),
    ).rejects.toThrow('cut');
  });
});

describe('a layer that is not gzipped', () => {
  it('is what went in when it is not to be compressed', async () => {
    const bytes = sample(5_300_000);
    const file = join(folder, 'layer.tar');
    const format = { compression: 'uncompressed', level: 4 } as const;
    const layer = await compressLayer(inChunks(bytes, 700_000), { file, format, parallelism: 3, signal });
    expect(Buffer.compare(readFileSync(file), bytes)).toBe(0);
    expect(layer).toEqual({
      diffId: sha256(bytes),
      digest: sha256(bytes),
      sizeBytes: bytes.length,
      rawBytes: bytes.length,
    });
  });

  const unpackZstd: unknown = Reflect.get(zlib, 'zstdDecompressSync');
  it.runIf(canPack('zstd'))('is a row of zstd frames where Node has zstd', async () => {
    const bytes = sample(3_500_000);
    const file = join(folder, 'layer.zst');
    const format = { compression: 'zstd', level: 3 } as const;
    const layer = await compressLayer(inChunks(bytes, 700_000), { file, format, parallelism: 3, signal });
    const packed = readFileSync(file);
    expect(packed.readUInt32LE(0)).toBe(0xfd2fb528);
    expect(layer).toMatchObject({ diffId: sha256(bytes), digest: sha256(packed), sizeBytes: packed.length });
    if (typeof unpackZstd !== 'function') throw new Error('no zstdDecompressSync');
    const unpacked: unknown = unpackZstd(packed);
    expect(unpacked).toEqual(bytes);
  });

  it('can be packed by zstd from Node 22.15 on, and not before', () => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    expect(canPack('zstd')).toBe(major > 23 || (major === 23 && minor >= 8) || (major === 22 && minor >= 15));
  });
});
