// A forward proxy on loopback, as companies have one: absolute requests for plain http, tunnels for TLS. It notes what it is
// asked for, and knows hosts that no name server knows, so that a test sees who really went through it.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

export interface ForwardProxy {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** `http://127.0.0.1:port`, with the login when one is wanted. */
  readonly url: string;
  /** `CONNECT reg.test:443`, `GET http://reg.test`: every request, also those that were refused. */
  readonly asked: readonly string[];
  /** What was asked since the last call. */
  take(): readonly string[];
  stop(): Promise<void>;
}

export interface ForwardProxyOptions {
  /** Where a `host` or `host:port` really is; others are reached as they are called. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** `user:password` that everybody has to show. */
  readonly login?: string;
}

/** Starts a proxy on a free port of 127.0.0.1. */
export async function startForwardProxy({ hosts = {}, login }: ForwardProxyOptions = {}): Promise<ForwardProxy> {
  const asked: string[] = [];
  const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
  const isWelcome = ({ headers }: IncomingMessage): boolean =>
    wanted === undefined || headers['proxy-authorization'] === wanted;
  const sockets = new Set<Socket>();
  const server = createServer((incoming, outgoing) => {
    const target = new URL(incoming.url ?? '');
    asked.push(`${incoming.method ?? ''} ${target.origin}`);
    if (isWelcome(incoming)) forward(incoming, outgoing, target, hosts[target.host] ?? target.host);
    else outgoing.writeHead(407, { 'proxy-authenticate': 'Basic realm="proxy"' }).end();
  });
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('connect', (incoming: IncomingMessage, client: Socket) => {
    const name = incoming.url ?? '';
    asked.push(`CONNECT ${name}`);
    if (!isWelcome(incoming)) return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    const [host = '', port = '443'] = (hosts[name] ?? hosts[name.split(':')[0] ?? ''] ?? name).split(':');
    const tunnel = connect(Number(port), host, () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    tunnel.on('error', () => client.destroy());
    pipeline(client, tunnel, client, () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const host = `127.0.0.1:${address.port}`;
  return {
    host,
    url: `http://${login === undefined ? '' : `${login}@`}${host}`,
    asked,
    take: () => asked.splice(0),
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      // Tunnels no longer belong to the server.
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, target: URL, where: string): void {
  const [hostname, port] = where.split(':');
  const { method, headers } = incoming;
  const call = request({ hostname, port, path: target.pathname + target.search, method, headers, agent: false });
  call.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    pipeline(answer, outgoing, () => undefined);
  });
  call.on('error', () => outgoing.destroy());
  pipeline(incoming, call, () => undefined);
}
