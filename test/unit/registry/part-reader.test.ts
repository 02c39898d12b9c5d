import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { PartReader } from '../../../src/registry/part-reader.ts';

const bytes = randomBytes(100_000);

async function* slowly(): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += 777) {
    await turn();
    yield bytes.subarray(offset, offset + 777);
  }
}

function readerOf() {
  const opened: Readable[] = [];
  const reader = new PartReader(() => {
    const stream = Readable.from(slowly(), { objectMode: false });
    opened.push(stream);
    return stream;
  });
  return { reader, opened };
}

it('parts that follow each other open their stream once', async () => {
  const { reader, opened } = readerOf();
  const parts = [await buffer(reader.open(0, 30_000)), await buffer(reader.open(30_000, 70_000))];
  expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  await reader.close();
  expect(opened.map(({ destroyed }) => destroyed)).toEqual([true]);
});

it.each([0, 30_000])('a part that was given up takes nothing away from its successor at %i', async (offset) => {
  const { reader, opened } = readerOf();
  await buffer(reader.open(0, offset));
  const first = reader.open(offset, 50_000);
  // It has asked for its first bytes.
  first.read();
  const second = buffer(reader.open(offset, 50_000));
  await turn();
  first.destroy();
  expect((await second).equals(bytes.subarray(offset, offset + 50_000))).toBe(true);
  expect((await buffer(reader.open(offset + 50_000, 1000))).length).toBe(1000);
  expect(opened).toHaveLength(2);
  await reader.close();
  expect(opened.map(({ destroyed }) => destroyed)).toEqual([true, true]);
});
