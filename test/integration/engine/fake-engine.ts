// A Docker Engine of a few lines on a unix socket, for answers that a real one does not give: no answer, wrong answer,
// old versions, damaged exports. Requests without a handler fail the test that sent them, with status 599.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Header, pack } from 'tar-stream';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface FakeEngine extends AsyncDisposable {
  readonly socketPath: string;
  readonly requests: string[];
  readonly server: Server;
}

/** Answers of a healthy engine of today's kind, for tests that change one of them. */
export const healthy: Readonly<Record<string, Handler>> = {
  'GET /_ping': (_, response) => {
    response.writeHead(200, { 'Api-Version': '1.45', 'Builder-Version': '2', OSType: 'linux' }).end('OK');
  },
  'GET /version': (_, response) => {
    json(response, { Version: '26.1.5', ApiVersion: '1.45', MinAPIVersion: '1.24', Os: 'linux' });
  },
};

export function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

/** Starts an engine; `socketPath` is fixed so that it can be started late. */
export async function startFakeEngine(
  handlers: Readonly<Record<string, Handler>>,
  socketPath = join(mkdtempSync(join(tmpdir(), 'fake-engine-')), 'docker.sock'),
): Promise<FakeEngine> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const answer: Handler = (request, response) => {
    const name = `${request.method ?? ''} ${decodeURIComponent((request.url ?? '').split('?')[0] ?? '')}`;
    requests.push(name);
    const handler = handlers[name];
    if (handler === undefined) json(response, { message: `no handler for ${name}` }, 599);
    else handler(request, response);
  };
  const server = createServer(answer);
  server.on('upgrade', (request, socket) => {
    const name = `UPGRADE ${request.url ?? ''}`;
    requests.push(name);
    handlers[name]?.(request, Object.assign(socket as unknown as ServerResponse));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    requests,
    server,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(join(socketPath, '..'), { recursive: true, force: true });
    },
  };
}

export type TarEntry = readonly [
  header: (Partial<Header> & { readonly name: string }) | string,
  content?: Buffer | string,
];

/** A tar of the given entries. */
export function tarOf(entries: readonly TarEntry[]): Readable {
  const tar = pack();
  for (const [header, content] of entries) {
    const full = typeof header === 'string' ? { name: header } : header;
    tar.entry(full, typeof content === 'string' ? Buffer.from(content) : (content ?? Buffer.alloc(0)));
  }
  tar.finalize();
  return Readable.from(tar, { objectMode: false });
}

export const hexOf = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
