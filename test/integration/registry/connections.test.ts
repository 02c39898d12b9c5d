// Connections are kept, whatever the method: a handshake for each request costs more than the request.
import { once } from 'node:events';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { makeClient, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
let server: Server | undefined;
let test: TestClient | undefined;
const sockets = new Set<Socket>();

afterEach(async () => {
  await test?.client.close();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server?.close();
});

/** A plain server that says nothing about its connections, as those written in Go do, and hangs up only when asked to. */
async function startRaw(answer: (request: string) => string): Promise<{ host: string; used: () => number }> {
  const used = new Set<Socket>();
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const request = chunk.toString('latin1');
      // Not HTTP, but the begin of TLS.
      if (!request.includes('HTTP/1.1')) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      used.add(socket);
      socket.write(answer(request), () => void (/^connection: close\r$/im.test(request) && socket.end()));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const host = typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  test = makeClient();
  return { host, used: () => used.size };
}

const digest = sha256(Buffer.from('blob'));

async function lookFor(host: string, times: number): Promise<readonly (boolean | undefined)[]> {
  const seen: (boolean | undefined)[] = [];
  const repository = test?.source(`${host}/a/b`);
  for (let count = 0; count < times; count += 1) seen.push(await repository?.hasBlob(digest, signal));
  return seen;
}

describe('looking for something', () => {
  it('does not cost a connection each time', async () => {
    const { host, used } = await startRaw(() => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect(await lookFor(host, 8)).toEqual(Array(8).fill(true));
    // The next request may leave before undici has put the last connection back.
    expect(used()).toBeLessThanOrEqual(3);
  });

  it('works with a server that wrongly sends a body', async () => {
    const { host } = await startRaw(() => 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nblob');
    expect(await lookFor(host, 8)).toEqual(Array(8).fill(true));
    expect(test?.lines).toEqual([]);
  });
});

it('connections are as many as the uploads at a time want, and as many again for what they ask meanwhile', async () => {
  const wanted = 2 * 12 + 4;
  const held: ServerResponse[] = [];
  const web = createHttpServer((request, response) => {
    if (request.url === '/v2/') return void response.end();
    held.push(response);
    if (held.length >= wanted) for (const waiting of held) waiting.end();
  });
  web.on('connection', (socket) => sockets.add(socket)).listen(0, '127.0.0.1');
  server = web;
  await once(web, 'listening');
  const address = web.address();
  const host = typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  test = makeClient({ maxConcurrentUploads: 12, limits: { headersMs: 5000, attempts: 1 } });
  const repository = test.source(`${host}/a/b`);
  const seen = await Promise.all(Array.from({ length: wanted }, () => repository.hasBlob(digest, signal)));
  expect(seen).toEqual(Array(wanted).fill(true));
});
