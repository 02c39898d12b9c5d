// Uploads in chunks, against the registry in memory: their sizes, ranges and Locations, what happens when one of them fails, and
// when chunks are used without anybody asking for them.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { type MemoryRegistry, type MemoryRegistryOptions, startMemoryRegistry } from '../../support/memory-registry.ts';
import { makeClient, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const mebibyte = 1024 * 1024;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(
  options: MemoryRegistryOptions,
  uploadChunkBytes = 0,
): Promise<{ readonly registry: MemoryRegistry; readonly test: TestClient }> {
  const registry = await startMemoryRegistry(options);
  ends.push(() => registry.stop());
  const test = makeClient({ uploadChunkBytes });
  ends.push(() => test.client.close());
  return { registry, test };
}

/** Its stream comes in pieces that fit no chunk. */
function blobOf(bytes: Buffer) {
  let opened = 0;
  const open = (): Readable => {
    opened += 1;
    return Readable.from(pieces(bytes), { objectMode: false });
  };
  return { digest: sha256(bytes), sizeBytes: bytes.length, open, opened: () => opened };
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += 70_001) yield bytes.subarray(offset, offset + 70_001);
}

const bodies = (registry: MemoryRegistry): readonly string[] =>
  registry
    .requests()
    .filter(({ method }) => method === 'PATCH' || method === 'PUT')
    .map(({ method, range, bodyBytes, status }) => `${method} ${range || 'whole'} ${bodyBytes} ${status}`);

describe('an upload in chunks', () => {
  it.each<readonly [number, readonly string[]]>([
    [250_000, ['PATCH 0-99999 100000 202', 'PATCH 100000-199999 100000 202', 'PUT 200000-249999 50000 201']],
    [200_000, ['PATCH 0-99999 100000 202', 'PUT 100000-199999 100000 201']],
    [100_000, ['PUT whole 100000 201']],
    [3, ['PUT whole 3 201']],
    [0, ['PUT whole 0 201']],
  ])('of %i bytes has chunks of the size that was asked for, the last one in the PUT', async (size, expected) => {
    const { registry, test } = await start({}, 100_000);
    const bytes = randomBytes(size);
    const blob = blobOf(bytes);
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).toBe('uploaded');
    expect(registry.repository('a/b').blobs.get(blob.digest)?.equals(bytes)).toBe(true);
    expect(bodies(registry)).toEqual(expected);
    expect(blob.opened()).toBe(1);
  });

  it('has chunks as large as the registry wants them at least', async () => {
    const { registry, test } = await start({ minChunkBytes: 150_000 }, 100_000);
    await test.target(`${registry.host}/a/b`).ensureBlob(blobOf(randomBytes(200_000)), signal);
    expect(bodies(registry)).toEqual(['PATCH 0-149999 150000 202', 'PUT 150000-199999 50000 201']);
  });

  it.each([
    ['begins anew when an answer was lost', {}, 'break-after', 2, 4],
    ['begins anew when the upload was forgotten', {}, { status: 404 }, 2, 4],
    ['goes on with what has arrived when the range is refused', {}, { status: 416 }, 1, 3],
    ['goes on with what has arrived when the registry is busy', {}, { status: 503 }, 1, 3],
    ['goes on with what has arrived when the connection breaks', {}, 'break', 1, 2],
    ['does not trust what has arrived more than its digest', { isStatusStale: true }, { status: 503 }, 2, 5],
  ] as const)('%s', async (_, habits, answer, posts, patches) => {
    const { registry, test } = await start(habits, 100_000);
    const bytes = randomBytes(250_000);
    // A connection that breaks for the first time costs nothing.
    if (answer === 'break') registry.fail({ method: 'PATCH', nth: 3, answer });
    registry.fail({ method: 'PATCH', nth: 2, answer });
    const blob = blobOf(bytes);
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).toBe('uploaded');
    expect(registry.repository('a/b').blobs.get(blob.digest)?.equals(bytes)).toBe(true);
    expect(registry.counts()).toMatchObject({ 'POST upload': posts, 'PATCH upload': patches });
  });

  it.each([
    ['goes on with what has arrived though the registry is too busy to tell', { status: 503 }, 1],
    ['goes on with what has arrived though the connection breaks while it is asked', 'break', 1],
    ['begins anew when it may not ask what has arrived', { status: 401 }, 2],
  ] as const)('%s', async (_, answer, posts) => {
    const { registry, test } = await start({}, 100_000);
    registry.fail({ method: 'PATCH', nth: 2, answer: { status: 503 } });
    registry.fail({ method: 'GET', kind: 'upload', nth: 1, answer });
    if (answer === 'break') registry.fail({ method: 'GET', kind: 'upload', nth: 2, answer });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blobOf(randomBytes(250_000)), signal)).toBe('uploaded');
    expect(registry.counts()).toMatchObject({ 'POST upload': posts });
  });

  it('begins anew when nothing is said about what has arrived', async () => {
    const { registry, test } = await start({}, 100_000);
    registry.fail({ method: 'PATCH', nth: 2, answer: { status: 500 } });
    registry.fail({ method: 'GET', kind: 'upload', answer: { status: 501 } });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blobOf(randomBytes(250_000)), signal)).toBe('uploaded');
    expect(registry.counts()).toMatchObject({ 'GET upload': 1, 'POST upload': 2 });
  });

  it('is abandoned at the Location of its last chunk', async () => {
    const { registry, test } = await start({}, 100_000);
    registry.fail({ method: 'PATCH', nth: 2, answer: { status: 400 } });
    const target = test.target(`${registry.host}/a/b`);
    await expect(target.ensureBlob(blobOf(randomBytes(250_000)), signal)).rejects.toMatchObject({ status: 400 });
    await target.abandonUploads();
    const cancelled = registry.requests().filter(({ method }) => method === 'DELETE');
    expect(cancelled.map(({ path }) => path.endsWith('.100000'))).toEqual([true]);
  });
});

it('a body that has gone out in a PATCH is not read again for the PUT that ends it', async () => {
  const { registry, test } = await start({ bodies: 'PATCH' });
  const blob = blobOf(randomBytes(250_000));
  expect(await test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).toBe('uploaded');
  expect(bodies(registry)).toEqual(['PUT whole 250000 405', 'PATCH whole 250000 202', 'PUT whole 0 201']);
  expect(blob.opened()).toBe(2);
});

describe('a registry that takes no large bodies', () => {
  it('gets chunks, for this blob and those that follow', async () => {
    const { registry, test } = await start({ maxBodyBytes: 5 * mebibyte });
    const target = test.target(`${registry.host}/a/b`);
    const first = randomBytes(9 * mebibyte);
    const second = randomBytes(5 * mebibyte);
    expect(await target.ensureBlob(blobOf(first), signal)).toBe('uploaded');
    expect(await target.ensureBlob(blobOf(second), signal)).toBe('uploaded');
    expect(
      bodies(registry).map((line) =>
        line
          .split(' ')
          .filter((_, part) => part !== 1)
          .join(' '),
      ),
    ).toEqual([
      `PUT ${9 * mebibyte} 413`,
      `PATCH ${4 * mebibyte} 202`,
      `PATCH ${4 * mebibyte} 202`,
      `PUT ${mebibyte} 201`,
      `PATCH ${4 * mebibyte} 202`,
      `PUT ${mebibyte} 201`,
    ]);
    expect(registry.repository('a/b').blobs.get(sha256(first))?.equals(first)).toBe(true);
  });

  it('fails with a hint when chunks are too large for it too', async () => {
    const { registry, test } = await start({ maxBodyBytes: mebibyte });
    const upload = test.target(`${registry.host}/a/b`).ensureBlob(blobOf(randomBytes(9 * mebibyte)), signal);
    await expect(upload).rejects.toMatchObject({
      code: 'too-large',
      exitCode: 4,
      hint: expect.stringContaining('upload_chunk_size') as unknown,
    });
  });
});
