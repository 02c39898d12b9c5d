// A small internet in this process: names with addresses of our choice, and servers that are dialled by these addresses though
// they listen on loopback. It shows which address a client really dials, and what it sends there:
//
//   const net = await startNamedHosts({ 'reg.example.com': '203.0.113.10', 'evil.example.net': '203.0.113.66' });
//   net.serve('https://reg.example.com', ({ url }) => ({ status: url === '/v2/' ? 200 : 404 }));
//   net.visits       // every request with its Authorization; net.dialled: every address, also those where nobody is
//   await net.stop();
//
// Only what undici opens in this process is led there (it looks `connect` up in node's modules at each call).
import dns from 'node:dns';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import net, { type LookupFunction, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { makeEngineCertificates } from './engine-certificates.ts';

export interface Visit {
  /** As in URLs. */
  readonly origin: string;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly authorization: string | undefined;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
}

export interface NamedHosts {
  /** PEM of who signed all the servers' certificates. */
  readonly authority: string;
  readonly visits: readonly Visit[];
  /** `address:port`, in order. */
  readonly dialled: readonly string[];
  /** Starts a server, or replaces what it answers. `hang up` ends the connection. */
  serve(origin: string, answer: (visit: Visit) => Reply | 'hang up'): Promise<void>;
  forget(): void;
  stop(): Promise<void>;
}

interface DialOptions {
  readonly host?: string;
  readonly port?: number | string;
  readonly lookup?: LookupFunction;
}

/** @param addresses IPv4 by name; servers at a literal address need no entry */
export async function startNamedHosts(addresses: Readonly<Record<string, string>>): Promise<NamedHosts> {
  const folder = mkdtempSync(join(tmpdir(), 'docker-build-test-'));
  const literals = ['127.0.0.1', ...Object.values(addresses)].map((address) => `IP:${address}`);
  makeEngineCertificates(folder, [...Object.keys(addresses).map((name) => `DNS:${name}`), ...literals].join(','));
  const [authority, cert, key] = ['ca', 'server-cert', 'server-key'].map((name) =>
    readFileSync(join(folder, `${name}.pem`), 'utf8'),
  );
  rmSync(folder, { recursive: true, force: true });
  const visits: Visit[] = [];
  const dialled: string[] = [];
  const servers = new Map<string, Server>();
  const answers = new Map<string, (visit: Visit) => Reply | 'hang up'>();
  const ports = new Map<string, number>();

  const lookup: LookupFunction = (name, options, callback) => {
    const address = addresses[name];
    if (address === undefined) callback(Object.assign(new Error(name), { code: 'ENOTFOUND' }), []);
    else if (options.all === true) callback(null, [{ address, family: 4 }]);
    else callback(null, address, 4);
  };
  const dial = (options: DialOptions): Socket => {
    const { host = '', port = 0 } = options;
    const socket = new net.Socket();
    const dialAddress = (address: string): void => {
      dialled.push(`${address}:${port}`);
      const local = ports.get(`${address}:${port}`);
      if (local === undefined) socket.destroy(Object.assign(new Error('nobody there'), { code: 'ECONNREFUSED' }));
      else socket.connect({ port: local, host: '127.0.0.1' });
    };
    const name = host.replace(/^\[|\]$/g, '');
    if (net.isIP(name) !== 0) setImmediate(dialAddress, name);
    else
      (options.lookup ?? lookup)(name, { all: true }, (error, found) => {
        const [first] = typeof found === 'string' ? [] : found;
        if (first === undefined || error !== null) socket.destroy(error ?? new Error('no address'));
        else dialAddress(first.address);
      });
    return socket;
  };
  const restore = patch(lookup, dial);

  const handle = (origin: string) => (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { method = '', url = '', headers } = incoming;
    const visit = { origin, method, url, authorization: headers.authorization };
    visits.push(visit);
    const reply = answers.get(origin)?.(visit) ?? { status: 404 };
    if (reply === 'hang up') return void incoming.socket.destroy();
    incoming.resume().on('end', () => {
      outgoing.writeHead(reply.status, reply.headers as Record<string, string>);
      outgoing.end(method === 'HEAD' ? undefined : reply.body);
    });
  };
  return {
    authority: authority ?? '',
    visits,
    dialled,
    async serve(origin, answer) {
      answers.set(origin, answer);
      if (servers.has(origin)) return;
      const { protocol, hostname, port } = new URL(origin);
      const server =
        protocol === 'https:' ? createTlsServer({ key, cert }, handle(origin)) : createServer(handle(origin));
      servers.set(origin, server.listen(0, '127.0.0.1'));
      await once(server, 'listening');
      const local = server.address();
      const wanted = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
      if (typeof local === 'object' && local !== null)
        ports.set(`${addresses[hostname] ?? hostname}:${wanted}`, local.port);
    },
    forget() {
      visits.length = 0;
      dialled.length = 0;
    },
    async stop() {
      restore();
      for (const server of servers.values()) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

/** Leads connections through `dial`; returns what undoes it. */
function patch(lookup: LookupFunction, dial: (options: DialOptions) => Socket): () => void {
  const real = { lookup: dns.lookup, connect: net.connect, connectTls: tls.connect };
  const connectTls = (options: tls.ConnectionOptions): tls.TLSSocket => {
    const { host, port, lookup: resolve, ...rest } = options;
    const raw = dial({
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      ...(resolve === undefined ? {} : { lookup: resolve }),
    });
    const socket = real.connectTls({ ...rest, socket: raw, host });
    raw.on('error', (error) => socket.destroy(error));
    return socket;
  };
  // Whoever listens looks its own address up, and says nothing of options.
  const lookUp = (name: string, ...rest: readonly unknown[]): unknown =>
    Reflect.apply(net.isIP(name) === 0 ? lookup : real.lookup, dns, [name, ...rest]);
  Object.assign(dns, { lookup: lookUp });
  Object.assign(net, { connect: dial });
  Object.assign(tls, { connect: connectTls });
  syncBuiltinESMExports();
  return () => {
    Object.assign(dns, { lookup: real.lookup });
    Object.assign(net, { connect: real.connect });
    Object.assign(tls, { connect: real.connectTls });
    syncBuiltinESMExports();
  };
}
