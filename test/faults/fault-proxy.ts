// An HTTP/1.1 proxy on loopback that spoils chosen requests on the way to a real registry: it refuses them, cuts
// connections, loses answers, keeps silent, drips and changes answers, each by rules that are data (rules.ts). It keeps the
// Host header, so that the registry's own URLs lead back here, and shows the registry's token server as `/token` when told
// where that is.
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { RecordedRequest } from '../support/recording-proxy.ts';
import { type Exchange, passOn, spoil } from './spoil-exchange.ts';
import {
  type Fault,
  FaultLottery,
  type FaultRule,
  FaultRules,
  type FiredFault,
  type RandomFaults,
  type Step,
  tokenPath,
} from './rules.ts';

export interface FaultProxyOptions {
  /** PEM: the proxy speaks TLS, the server behind it stays plain. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** `127.0.0.1:port` of the registry's token server: challenges then name the proxy, and step `tk` can fail too. */
  readonly tokens?: string;
  /** For each request that no rule is about. */
  readonly random?: RandomFaults;
}

export interface FaultProxy {
  /** `127.0.0.1:port`: what image references begin with. */
  readonly host: string;
  /**
   * Forgets what was, and lets these rules decide from now on; none = nothing is spoilt.
   *
   * @param totals requests of each step in an undisturbed run, for rules about the last one
   */
  arm(rules: readonly FaultRule[], totals?: ReadonlyMap<Step, number>): void;
  /** Requests of each step since the last `arm`. */
  counts(): ReadonlyMap<Step, number>;
  /** Faults that happened since the last `arm`. */
  fired(): readonly FiredFault[];
  /** Everything since the last `arm`; status 0 where the client got no answer. */
  requests(): readonly RecordedRequest[];
  stop(): Promise<void>;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Tally {
  readonly rules: FaultRules;
  readonly requests: Mutable<RecordedRequest>[];
  readonly fired: FiredFault[];
}

/** What lasts as long as the proxy. */
interface Post {
  readonly target: string;
  readonly options: FaultProxyOptions;
  readonly connections: Connections;
  readonly agents: { readonly registry: Agent; readonly tokens: Agent };
  readonly lottery: FaultLottery | undefined;
  host: string;
  tally: Tally;
}

/**
 * Starts a proxy on a free port of 127.0.0.1. Nothing is spoilt before the first `arm`, but by chance if `random` says so.
 *
 * @param target `127.0.0.1:port` of the registry
 */
export async function startFaultProxy(target: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const post: Post = {
    target,
    options,
    connections: new Connections(),
    agents: { registry: new Agent({ keepAlive: true }), tokens: new Agent() },
    lottery: options.random === undefined ? undefined : new FaultLottery(options.random),
    host: '',
    tally: { rules: new FaultRules([]), requests: [], fired: [] },
  };
  const serve = (incoming: IncomingMessage, answer: ServerResponse): void => serveRequest(post, incoming, answer);
  const server: Server = options.tls === undefined ? createServer(serve) : createTlsServer(options.tls, serve);
  server.on('connection', (socket: Socket) => post.connections.add(socket));
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  post.host = `127.0.0.1:${address.port}`;
  return {
    host: post.host,
    arm: (rules, totals) => {
      post.tally = { rules: new FaultRules(rules, totals), requests: [], fired: [] };
    },
    counts: () => post.tally.rules.counts(),
    fired: () => [...post.tally.fired],
    requests: () => post.tally.requests.map((request) => ({ ...request })),
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      post.connections.destroyAll();
      post.agents.registry.destroy();
      post.agents.tokens.destroy();
      await closed;
    },
  };
}

function serveRequest(post: Post, incoming: IncomingMessage, answer: ServerResponse): void {
  const { tally, options, agents, connections } = post;
  const isReusedConnection = connections.use(incoming.socket);
  const record = describe(incoming);
  tally.requests.push(record);
  const bodyBytes = Number(incoming.headers['content-length'] ?? 0);
  const asked = { ...record, bodyBytes, isReusedConnection };
  const { step, fault: due } = tally.rules.meet(asked);
  const fault: Fault | undefined = due ?? post.lottery?.draw(step, asked);
  const isForTokens = options.tokens !== undefined && record.path === tokenPath;
  const scheme = options.tls === undefined ? 'http' : 'https';
  const exchange: Exchange = {
    incoming,
    answer,
    connection: connections.plainOf(incoming.socket),
    target: isForTokens ? (options.tokens ?? '') : post.target,
    agent: isForTokens ? agents.tokens : agents.registry,
    isTls: options.tls !== undefined,
    realm: options.tokens === undefined ? undefined : `${scheme}://${post.host}${tokenPath}`,
    onStatus: (status) => {
      record.status = status;
    },
  };
  if (fault === undefined) return passOn(exchange);
  tally.fired.push({ step, method: record.method, path: record.path, fault });
  spoil(exchange, fault);
}

/** The open connections: a TLS socket cannot be reset, the TCP socket below it can. */
class Connections {
  readonly #plain = new Map<number, Socket>();
  readonly #used = new WeakSet<Socket>();

  add(socket: Socket): void {
    const port = socket.remotePort ?? 0;
    this.#plain.set(port, socket);
    // A client that resets its connection is a client's right, and no reason to end the test process.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#plain.get(port) === socket) this.#plain.delete(port);
    });
  }

  /** Notes a request, and tells whether there was one before. */
  use(socket: Socket): boolean {
    const isReused = this.#used.has(socket);
    this.#used.add(socket);
    return isReused;
  }

  plainOf(socket: Socket): Socket {
    return this.#plain.get(socket.remotePort ?? 0) ?? socket;
  }

  destroyAll(): void {
    for (const socket of this.#plain.values()) socket.destroy();
  }
}

function describe(incoming: IncomingMessage): Mutable<RecordedRequest> {
  const target = incoming.url ?? '/';
  const question = target.indexOf('?');
  const scheme = incoming.headers.authorization?.split(' ')[0]?.toLowerCase();
  return {
    method: incoming.method ?? '',
    path: question < 0 ? target : target.slice(0, question),
    query: question < 0 ? '' : target.slice(question),
    status: 0,
    ...(scheme === undefined ? {} : { authorization: scheme }),
    userAgent: incoming.headers['user-agent'] ?? '',
  };
}
