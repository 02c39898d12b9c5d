// Blobs that are passed on while they are read: broken connections, ranges, and bytes that are not those of the digest.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import type { RetryLimits } from '../../../src/base/retry.ts';
import type { TimeLimits } from '../../../src/registry/time-limits.ts';
import { makeClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const bytes = randomBytes(3_000_000);
const blob = { digest: sha256(bytes), sizeBytes: bytes.length };

type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server that answers GETs of blobs by the list; the last answer stays. */
async function start(...answers: readonly [Answer, ...Answer[]]) {
  return startWith({}, ...answers);
}

async function startWith(limits: Partial<RetryLimits & TimeLimits>, ...answers: readonly Answer[]) {
  const ranges: string[] = [];
  const server = createServer((incoming, outgoing) => {
    if (incoming.url === '/v2/') return void outgoing.end('{}');
    const answer = answers[Math.min(ranges.length, answers.length - 1)];
    ranges.push(incoming.headers.range ?? 'all');
    answer?.(incoming, outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const test = makeClient({ limits });
  ends.push(() => test.client.close());
  return { repository: test.source(`127.0.0.1:${address.port}/a/b`), ranges, waits: test.waits };
}

const whole: Answer = (_, outgoing) => void outgoing.writeHead(200, { 'content-length': bytes.length }).end(bytes);
const rest: Answer = ({ headers }, outgoing) => {
  const from = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0);
  const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  outgoing.writeHead(206, { 'content-range': range, 'content-length': bytes.length - from }).end(bytes.subarray(from));
};
const half: Answer = (_, outgoing) => {
  outgoing.writeHead(200, { 'content-length': bytes.length });
  outgoing.write(bytes.subarray(0, 1_500_000), () => outgoing.destroy());
};
const other: Answer = (_, outgoing) =>
  void outgoing.writeHead(200, { 'content-length': bytes.length }).end(Buffer.alloc(bytes.length, 'x'));
const longer: Answer = (_, outgoing) => void outgoing.end(Buffer.concat([bytes, Buffer.from('more')]));

describe('a blob that is streamed', () => {
  it('has its bytes', async () => {
    const { repository } = await start(whole);
    expect(bytes.equals(await buffer(repository.openBlob(blob, signal)))).toBe(true);
  });

  it('goes on where the connection broke', async () => {
    const { repository, ranges, waits } = await start(half, rest);
    expect(bytes.equals(await buffer(repository.openBlob(blob, signal)))).toBe(true);
    expect(ranges[0]).toBe('all');
    expect(ranges.at(-1)).toMatch(/^bytes=\d{6,}-$/);
    expect(waits).toHaveLength(1);
  });

  it('skips what it has where ranges are not known', async () => {
    const { repository } = await start(half, whole);
    expect(bytes.equals(await buffer(repository.openBlob(blob, signal)))).toBe(true);
  });

  it.each([400, 416, 501])('is read from its beginning where ranges are refused with %i', async (status) => {
    const { repository, ranges } = await start(half, (_, outgoing) => void outgoing.writeHead(status).end(), whole);
    expect(bytes.equals(await buffer(repository.openBlob(blob, signal)))).toBe(true);
    expect(ranges).toEqual(['all', expect.stringMatching(/^bytes=/), 'all']);
  });

  it('goes on elsewhere when next to nothing arrives, and says so when that does not help', async () => {
    const drip: Answer = (_, outgoing) => {
      outgoing.writeHead(200, { 'content-length': bytes.length });
      const timer = setInterval(() => outgoing.write('x'), 20);
      outgoing.once('close', () => clearInterval(timer));
    };
    const { repository, ranges } = await startWith({ stalledDownloadMs: 100 }, drip);
    await expect(buffer(repository.openBlob(blob, signal))).rejects.toMatchObject({ code: 'stalled', exitCode: 6 });
    expect(ranges.length).toBeGreaterThan(2);
  });

  it('may be taken slowly', async () => {
    const { repository } = await startWith({ stalledDownloadMs: 50 }, whole);
    let received = 0;
    for await (const chunk of repository.openBlob(blob, signal)) {
      received += Buffer.from(chunk).length;
      if (received < 200_000) await delay(60);
    }
    expect(received).toBe(bytes.length);
  });

  it('is given up when the connection breaks again and again', async () => {
    const { repository } = await start(half);
    await expect(buffer(repository.openBlob(blob, signal))).rejects.toMatchObject({ side: 'source', exitCode: 4 });
  });

  it.each([
    ['other bytes', other],
    ['more bytes', longer],
  ])('never ends as if it were good with %s', async (_, answer) => {
    const { repository } = await start(answer);
    const taken: Buffer[] = [];
    const reading = (async () => {
      for await (const chunk of repository.openBlob(blob, signal)) taken.push(Buffer.from(chunk));
    })();
    await expect(reading).rejects.toMatchObject({ code: 'integrity', exitCode: 7, side: 'source' });
    expect(Buffer.concat(taken).length).toBeLessThan(bytes.length);
  });

  it('that is not there fails by name', async () => {
    const { repository } = await start((_, outgoing) => void outgoing.writeHead(404).end());
    await expect(buffer(repository.openBlob(blob, signal))).rejects.toMatchObject({ code: 'not-found' });
  });
});
