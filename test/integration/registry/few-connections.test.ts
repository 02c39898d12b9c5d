// A registry that has four connections for everybody: more are turned away, or wait until one of the four ends.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/base/retry.ts';
import { startMemoryRegistry } from '../../support/memory-registry.ts';
import { blobOf, makeClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const maxConnections = 4;

async function startGate(target: string, beyond: 'are turned away' | 'wait') {
  const port = Number(target.slice(target.lastIndexOf(':') + 1));
  const sockets = new Set<Socket>();
  const waiting: Socket[] = [];
  let served = 0;
  let tooMany = 0;
  const serve = (socket: Socket): void => {
    served += 1;
    const registry = connect(port, '127.0.0.1');
    registry.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => {
      served -= 1;
      registry.destroy();
      const next = waiting.splice(0).filter(({ destroyed }) => !destroyed);
      waiting.push(...next.slice(1));
      next.slice(0, 1).forEach(serve);
    });
    socket.pipe(registry).pipe(socket);
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    if (served < maxConnections) return serve(socket);
    tooMany += 1;
    if (beyond === 'wait') waiting.push(socket);
    else socket.resetAndDestroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    host: `127.0.0.1:${address.port}`,
    tooMany: () => tooMany,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

it.each(['are turned away', 'wait'] as const)('a push survives when connections beyond four %s', async (beyond) => {
  const registry = await startMemoryRegistry();
  const gate = await startGate(registry.host, beyond);
  const test = makeClient({ clock: systemClock, limits: { headersMs: 1500, baseDelayMs: 100 } });
  try {
    const repository = test.target(`${gate.host}/a/b`);
    const blobs = Array.from({ length: 10 }, () => blobOf(randomBytes(50_000)));
    const outcomes = await Promise.all(blobs.map((blob) => repository.ensureBlob(blob, signal)));
    expect(new Set(outcomes)).toEqual(new Set(['uploaded']));
    expect(gate.tooMany()).toBeGreaterThan(0);
  } finally {
    await test.client.close();
    await gate.stop();
    await registry.stop();
  }
});
