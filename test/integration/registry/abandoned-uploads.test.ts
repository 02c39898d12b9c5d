// An upload whose POST is under way when the run is stopped: the registry has opened it, and its answer says where.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { makeClient } from '../../support/registry-client.ts';

it.each([
  { answerMs: 20, deleted: ['DELETE /v2/a/b/blobs/uploads/one'] },
  // The stop does not wait for a registry that says nothing.
  { answerMs: 5_000, deleted: [] },
])('is given up when the answer takes $answerMs ms', async ({ answerMs, deleted }) => {
  const stopping = new AbortController();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    if (request.method === 'GET') response.end();
    else if (request.method === 'DELETE') response.writeHead(204).end();
    else {
      stopping.abort(new Error('SIGTERM'));
      void delay(answerMs, undefined, { ref: false }).then(() =>
        response.writeHead(202, { location: '/v2/a/b/blobs/uploads/one' }).end(),
      );
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port on loopback');
  const test = makeClient();
  try {
    const repository = test.target(`127.0.0.1:${address.port}/a/b`);
    const begun = performance.now();
    await expect(repository.checkPushAccess(stopping.signal)).rejects.toThrow('SIGTERM');
    expect(performance.now() - begun).toBeLessThan(3_000);
    await repository.abandonUploads();
    expect(requests.filter((request) => request.startsWith('DELETE'))).toEqual(deleted);
  } finally {
    await test.client.close();
    server.close();
    server.closeAllConnections();
  }
});
