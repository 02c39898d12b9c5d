// A plain HTTP proxy that refuses some requests in the name of the registry behind it: for a registry that changes its mind
// in the middle of a publish, which the real one cannot be asked to do.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

export interface RefusingProxy {
  /** `127.0.0.1:port`: what image references begin with. */
  readonly host: string;
  stop(): Promise<void>;
}

/** The status to answer with; undefined lets the request through. */
export type Refusal = (method: string, path: string) => number | undefined;

/** Starts a proxy before the registry at `target` (`host:port`). */
export async function startRefusingProxy(target: string, refuse: Refusal): Promise<RefusingProxy> {
  const server = createServer((incoming, outgoing) => {
    const status = refuse(incoming.method ?? '', incoming.url ?? '');
    if (status === undefined) forward(target, incoming, outgoing);
    else answerRefusal(status, incoming, outgoing);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port on loopback');
  return {
    host: `127.0.0.1:${address.port}`,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function forward(target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const [hostname, port] = target.split(':');
  const { method, url: path, headers } = incoming;
  const call = request({ hostname, port, method, path, headers, agent: false });
  call.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(outgoing);
  });
  call.on('error', () => outgoing.destroy());
  outgoing.on('close', () => call.destroy());
  incoming.pipe(call);
}

function answerRefusal(status: number, incoming: IncomingMessage, outgoing: ServerResponse): void {
  incoming.resume();
  outgoing.writeHead(status, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify({ errors: [{ code: 'DENIED', message: 'refused by the test' }] }));
}
