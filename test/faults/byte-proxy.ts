// A raw proxy before a daemon: it passes bytes on and breaks one connection at one byte, as a rule says. The plugin opens a
// connection for each request to the daemon, so the first line of a connection tells what it is for. HTTP is looked at only
// where a rule answers in the daemon's place or changes the head of its answer.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerText, rewrittenHead } from './http-head.ts';

export type Direction = 'toDaemon' | 'fromDaemon';

export type ByteFault =
  /** Both sides are hung up on once so many bytes have passed; `rst` needs a tcp proxy and is a plain end otherwise. */
  | { readonly kind: 'cut'; readonly direction: Direction; readonly afterBytes: number; readonly how?: 'fin' | 'rst' }
  /** Nothing more passes in that direction, and the connection stays; until release(), if that comes. */
  | { readonly kind: 'stall'; readonly direction: Direction; readonly afterBytes: number }
  /** The end of that direction alone is passed on. */
  | { readonly kind: 'half-close'; readonly direction: Direction; readonly afterBytes: number }
  /** The daemon hears of the connection so much later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** In the daemon's place, which never hears of the request. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Headers of the daemon's first answer; undefined removes one. */
  | { readonly kind: 'rewrite'; readonly headers: Readonly<Record<string, string | undefined>> };

/** Which connections a fault is for: all that match, from the `nth` one on, `times` of them. */
export interface ByteRule {
  readonly match: {
    /** Of the first line: `POST /grpc HTTP/1.1`. Any connection unless given. */
    readonly request?: RegExp;
    /** 1 (the default) = the first that matches. */
    readonly nth?: number;
    /** 1 unless given; Infinity = for ever. */
    readonly times?: number;
  };
  readonly do: ByteFault;
}

/** A connection that was made. */
export interface SeenConnection {
  /** `GET /_ping HTTP/1.1`; empty when it ended before its first line. */
  readonly request: string;
  readonly toDaemonBytes: number;
  readonly fromDaemonBytes: number;
}

export interface ByteProxy {
  /** DOCKER_HOST of a step behind it. */
  readonly host: string;
  /** Rules for the connections from now on, which are counted from now on. */
  arm(rules: readonly ByteRule[]): void;
  connections(): readonly SeenConnection[];
  /** First lines of the connections whose fault has happened. */
  fired(): readonly string[];
  /** Resolves when `count` faults have happened. */
  untilFired(count?: number): Promise<void>;
  /** Lets stalled connections go on. */
  release(): void;
  /** Ends the connections whose first line is like this. */
  hangUp(request: RegExp): void;
  stop(): Promise<void>;
}

interface ArmedRule extends ByteRule {
  matched: number;
}

/** Starts a proxy before the daemon at a unix socket; it listens at a unix socket too, or on a port of loopback. */
export async function startByteProxy(socketPath: string, listen: 'unix' | 'tcp' = 'unix'): Promise<ByteProxy> {
  const state = new ProxyState();
  const server = createServer({ allowHalfOpen: true }, (client) => new Passage(client, socketPath, state));
  const folder = mkdtempSync(join(tmpdir(), 'docker-build-proxy-'));
  const ownPath = join(folder, 'docker.sock');
  if (listen === 'unix') server.listen(ownPath);
  else server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: listen === 'unix' ? `unix://${ownPath}` : `tcp://127.0.0.1:${portOf(server)}`,
    arm: (rules) => state.arm(rules),
    connections: () => state.passages.slice(state.armedAt).map((passage) => passage.seen()),
    fired: () => [...state.fired],
    untilFired: (count = 1) => state.untilFired(count),
    release: () => state.passages.forEach((passage) => passage.release()),
    hangUp: (request) =>
      state.passages.filter((each) => request.test(each.seen().request)).forEach((passage) => passage.hangUp('fin')),
    stop: async () => {
      server.close();
      for (const passage of state.passages) passage.hangUp('fin');
      await once(server, 'close');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port on loopback');
  return address.port;
}

class ProxyState {
  readonly passages: Passage[] = [];
  /** How many passages are older than the rules. */
  armedAt = 0;
  readonly fired: string[] = [];
  #rules: readonly ArmedRule[] = [];
  readonly #waiting = new Set<() => void>();

  arm(rules: readonly ByteRule[]): void {
    this.#rules = rules.map((rule) => ({ ...rule, matched: 0 }));
    this.fired.length = 0;
    this.armedAt = this.passages.length;
  }

  /** The fault for a connection, which counts for every rule that it matches. */
  faultFor(request: string): ByteFault | undefined {
    const due = this.#rules.filter((rule) => {
      if (rule.match.request?.test(request) === false) return false;
      rule.matched += 1;
      const { nth = 1, times = 1 } = rule.match;
      return rule.matched >= nth && rule.matched < nth + times;
    });
    return due[0]?.do;
  }

  note(request: string): void {
    this.fired.push(request);
    for (const look of this.#waiting) look();
  }

  async untilFired(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.fired.length < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** The first byte of a TLS client. */
const tlsHandshake = 0x16;

/** One connection on its way through. */
class Passage {
  readonly #client: Socket;
  readonly #daemonPath: string;
  readonly #state: ProxyState;
  #daemon: Socket | undefined;
  #request = '';
  #head = Buffer.alloc(0);
  #fault: ByteFault | undefined;
  #hasFired = false;
  #heldBack: (() => void)[] = [];
  readonly #passed = { toDaemon: 0, fromDaemon: 0 };

  constructor(client: Socket, daemonPath: string, state: ProxyState) {
    this.#client = client;
    this.#daemonPath = daemonPath;
    this.#state = state;
    state.passages.push(this);
    client.on('error', () => this.hangUp('fin'));
    client.on('close', () => this.#daemon?.destroy());
    client.on('data', this.#readFirstLine);
  }

  seen(): SeenConnection {
    const { toDaemon, fromDaemon } = this.#passed;
    return { request: this.#request, toDaemonBytes: toDaemon, fromDaemonBytes: fromDaemon };
  }

  release(): void {
    this.#fault = undefined;
    for (const pass of this.#heldBack.splice(0)) pass();
  }

  hangUp(how: 'fin' | 'rst'): void {
    this.#daemon?.destroy();
    // A unix socket knows no reset.
    if (how === 'rst' && this.#client.remoteAddress !== undefined) this.#client.resetAndDestroy();
    else this.#client.destroy();
  }

  readonly #readFirstLine = (chunk: Buffer): void => {
    this.#head = Buffer.concat([this.#head, chunk]);
    const isHttp = this.#head[0] !== tlsHandshake;
    if (isHttp && !this.#head.includes('\r\n\r\n')) return;
    this.#client.off('data', this.#readFirstLine);
    this.#client.pause();
    this.#request = isHttp ? this.#head.toString('latin1', 0, this.#head.indexOf('\r\n')) : '';
    this.#fault = this.#state.faultFor(this.#request);
    this.#begin();
  };

  #begin(): void {
    const fault = this.#fault;
    if (fault?.kind === 'answer') {
      this.#fire();
      this.#client.resume().end(answerText(fault));
    } else if (fault?.kind === 'delay') {
      this.#fire();
      setTimeout(() => this.#connect(), fault.ms);
    } else this.#connect();
  }

  #connect(): void {
    if (this.#client.destroyed) return;
    const daemon = connect({ path: this.#daemonPath, allowHalfOpen: true });
    this.#daemon = daemon;
    daemon.on('error', () => this.hangUp('fin'));
    daemon.on('close', () => this.#client.destroySoon());
    this.#forward('toDaemon', this.#client, daemon);
    this.#forward('fromDaemon', daemon, this.#client);
    this.#client.emit('data', this.#head);
    this.#client.resume();
  }

  #forward(direction: Direction, from: Socket, to: Socket): void {
    let head: Buffer | undefined = Buffer.alloc(0);
    from.on('data', (chunk: Buffer) => {
      let bytes = chunk;
      if (direction === 'fromDaemon' && this.#fault?.kind === 'rewrite' && head !== undefined) {
        head = Buffer.concat([head, chunk]);
        const rewritten = rewrittenHead(head, this.#fault.headers);
        if (rewritten === undefined) return;
        head = undefined;
        this.#fire();
        bytes = rewritten;
      }
      this.#pass(direction, bytes, from, to);
    });
    from.on('end', () => this.#whenFree(direction, () => to.end()));
  }

  #pass(direction: Direction, bytes: Buffer, from: Socket, to: Socket): void {
    const fault = this.#fault;
    const limit = fault !== undefined && 'direction' in fault && fault.direction === direction ? fault : undefined;
    const room = limit === undefined ? bytes.length : Math.max(0, limit.afterBytes - this.#passed[direction]);
    const now = bytes.subarray(0, room);
    this.#passed[direction] += now.length;
    if (now.length > 0 && !to.write(now)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
    if (limit === undefined || now.length === bytes.length) return;
    if (limit.kind === 'stall') this.#heldBack.push(() => this.#pass(direction, bytes.subarray(room), from, to));
    else if (limit.kind === 'half-close') to.end();
    // What was let through has to arrive before the end does.
    else setImmediate(() => this.hangUp(limit.how ?? 'fin'));
    this.#fire();
  }

  #whenFree(direction: Direction, act: () => void): void {
    const fault = this.#fault;
    if (fault?.kind === 'stall' && fault.direction === direction && this.#hasFired) this.#heldBack.push(act);
    else act();
  }

  #fire(): void {
    if (this.#hasFired) return;
    this.#hasFired = true;
    this.#state.note(this.#request);
  }
}
