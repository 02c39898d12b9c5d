// One request and its answer on their way through the fault proxy: passed on as they are, or spoilt in one of the ways of
// rules.ts. Works on sockets where HTTP has no word for what is to happen.
import { type Agent, type IncomingMessage, request, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Fault, FaultMoment, RewriteFault } from './rules.ts';

export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly answer: ServerResponse;
  /** The client's TCP connection, also below TLS. */
  readonly connection: Socket;
  /** `127.0.0.1:port` */
  readonly target: string;
  readonly agent: Agent;
  readonly isTls: boolean;
  /** What challenges are to name instead of the registry's own token server. */
  readonly realm: string | undefined;
  /** Called with the status that the client gets to see. */
  readonly onStatus: (status: number) => void;
}

/** Passes a request on, and its answer back. */
export function passOn(exchange: Exchange): void {
  const outgoing = openRequest(exchange);
  outgoing.on('response', (response) => {
    const { answer } = exchange;
    // A client that has gone away sees nothing.
    if (!exchange.connection.destroyed) exchange.onStatus(response.statusCode ?? 0);
    answer.writeHead(response.statusCode ?? 502, headersOf(exchange, response));
    pipeline(response, answer, () => undefined);
  });
  pipeline(exchange.incoming, outgoing, () => undefined);
}

/** Lets a fault happen. */
export function spoil(exchange: Exchange, fault: Fault): void {
  switch (fault.kind) {
    case 'answer':
      return answerInstead(exchange, fault);
    case 'no-login':
      delete exchange.incoming.headers.authorization;
      return passOn(exchange);
    case 'reset':
      return atMoment(exchange, fault.when, () => exchange.connection.resetAndDestroy());
    case 'fin':
      return atMoment(exchange, fault.when, () => hangUp(exchange.connection));
    case 'lose-answer':
      return withAnswer(exchange, () => exchange.connection.resetAndDestroy());
    case 'hang':
      return fault.when === 'after'
        ? withAnswer(exchange, () => undefined)
        : atMoment(exchange, fault.when, () => undefined);
    case 'drip':
      return fault.direction === 'request'
        ? dripRequest(exchange, fault.bytesPerSecond)
        : withAnswer(exchange, (whole) => dripAnswer(exchange, rawAnswer(whole), fault.bytesPerSecond));
    case 'truncate':
      return withAnswer(exchange, (whole) => truncate(exchange, whole, fault.afterBytes));
    case 'delay':
      exchange.incoming.pause();
      setTimeout(() => passOn(exchange), fault.ms);
      return;
    case 'rewrite':
      return withAnswer(exchange, (whole) => rewrite(exchange, whole, fault));
  }
}

/** An answer that was read to its end. */
interface WholeAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: Buffer;
  readonly isHead: boolean;
}

/** @param onLost a server that went away looks to the client as it looked to us: the connection ends without an answer */
function openRequest(exchange: Exchange, onLost = () => void exchange.answer.destroy()) {
  const { incoming, target, agent, isTls, answer } = exchange;
  const outgoing = request({
    host: target.slice(0, target.lastIndexOf(':')),
    port: target.slice(target.lastIndexOf(':') + 1),
    method: incoming.method,
    path: incoming.url,
    headers: { ...incoming.headers, ...(isTls ? { 'x-forwarded-proto': 'https' } : {}) },
    agent,
  });
  outgoing.on('error', onLost);
  incoming.on('error', () => outgoing.destroy());
  answer.on('close', () => {
    if (!answer.writableEnded && !incoming.complete) outgoing.destroy();
  });
  return outgoing;
}

function headersOf({ realm }: Exchange, response: IncomingMessage): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value === undefined) continue;
    const isOurs = name === 'www-authenticate' && realm !== undefined && typeof value === 'string';
    headers[name] = isOurs ? value.replace(/realm="[^"]*"/, `realm="${realm}"`) : value;
  }
  return headers;
}

/** Passes the request on, and hands over the whole answer instead of passing it back. */
function withAnswer(exchange: Exchange, use: (whole: WholeAnswer) => void): void {
  const outgoing = openRequest(exchange);
  outgoing.on('response', (response) => {
    const parts: Buffer[] = [];
    response.on('data', (part: Buffer) => void parts.push(part));
    response.on('end', () => {
      const isHead = exchange.incoming.method === 'HEAD';
      const headers = headersOf(exchange, response);
      use({ status: response.statusCode ?? 502, headers, body: Buffer.concat(parts), isHead });
    });
  });
  pipeline(exchange.incoming, outgoing, () => undefined);
}

function answerInstead(exchange: Exchange, fault: Fault & { readonly kind: 'answer' }): void {
  const { incoming, answer } = exchange;
  const { status, early = false } = fault;
  const say = (): void => {
    exchange.onStatus(status);
    const body = fault.body ?? '';
    answer.writeHead(status, { 'content-length': Buffer.byteLength(body), ...fault.headers });
    answer.end(incoming.method === 'HEAD' ? undefined : body);
  };
  if (early) return say();
  incoming.resume();
  incoming.on('end', say);
}

/** Something that happens to the connection at a moment of the request; there will be no answer. */
function atMoment(exchange: Exchange, moment: FaultMoment, act: () => void): void {
  const { incoming } = exchange;
  const bodyBytes = Number(incoming.headers['content-length'] ?? 0);
  const hasBody = bodyBytes > 0 || incoming.headers['transfer-encoding'] !== undefined;
  if (moment === 'before' || (moment === 'body' && !hasBody)) {
    incoming.pause();
    return act();
  }
  const outgoing = openRequest(exchange, () => undefined);
  outgoing.on('response', (response) => response.resume());
  if (moment === 'after') {
    // The server may do its work; the client does not learn of it.
    outgoing.on('finish', act);
    pipeline(incoming, outgoing, () => undefined);
    return;
  }
  let seenBytes = 0;
  const take = (part: Buffer): void => {
    seenBytes += part.length;
    outgoing.write(part);
    if (seenBytes * 2 < bodyBytes) return;
    incoming.off('data', take);
    incoming.pause();
    outgoing.destroy();
    act();
  };
  incoming.on('data', take);
}

/** FIN, also in the face of unread bytes, which would make the kernel send RST instead. */
function hangUp(connection: Socket): void {
  connection.end();
  connection.resume();
  setTimeout(() => connection.destroy(), 1000).unref();
}

const dripIntervalMs = 50;

/** How many bytes are due at each tick, at least one; and how long a tick is. */
function paceOf(bytesPerSecond: number): { readonly bytes: number; readonly intervalMs: number } {
  const bytes = Math.max(1, Math.floor((bytesPerSecond * dripIntervalMs) / 1000));
  return { bytes, intervalMs: (bytes * 1000) / bytesPerSecond };
}

/** Reads the body slowly: the client's writes are what gets stuck once the buffers between are full. */
function dripRequest(exchange: Exchange, bytesPerSecond: number): void {
  const { incoming, answer } = exchange;
  const { bytes, intervalMs } = paceOf(bytesPerSecond);
  const outgoing = openRequest(exchange);
  outgoing.on('response', (response) => {
    exchange.onStatus(response.statusCode ?? 0);
    answer.writeHead(response.statusCode ?? 502, headersOf(exchange, response));
    pipeline(response, answer, () => undefined);
  });
  incoming.pause();
  const timer = setInterval(() => {
    const part: unknown = incoming.read(Math.min(bytes, Math.max(incoming.readableLength, 1)));
    if (Buffer.isBuffer(part)) outgoing.write(part);
    if (!incoming.readableEnded) return;
    clearInterval(timer);
    outgoing.end();
  }, intervalMs);
  incoming.on('end', () => {
    clearInterval(timer);
    outgoing.end();
  });
  exchange.connection.on('close', () => clearInterval(timer));
}

function rawAnswer(whole: WholeAnswer, version = '1.1'): Buffer {
  return Buffer.concat([rawHead(whole, version), whole.isHead ? Buffer.alloc(0) : whole.body]);
}

function rawHead({ status, headers }: WholeAnswer, version = '1.1'): Buffer {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((item) => `${name}: ${item}\r\n`),
  );
  return Buffer.from(`HTTP/${version} ${status} ${STATUS_CODES[status] ?? 'Odd'}\r\n${lines.join('')}\r\n`, 'latin1');
}

function dripAnswer({ incoming }: Exchange, raw: Buffer, bytesPerSecond: number): void {
  const { bytes, intervalMs } = paceOf(bytesPerSecond);
  let at = 0;
  const timer = setInterval(() => {
    incoming.socket.write(raw.subarray(at, at + bytes));
    at += bytes;
    if (at < raw.length) return;
    clearInterval(timer);
    incoming.socket.end();
  }, intervalMs);
  incoming.socket.on('close', () => clearInterval(timer));
}

function truncate({ incoming }: Exchange, whole: WholeAnswer, afterBytes: number): void {
  const raw = rawAnswer(whole);
  const head = rawHead(whole).length;
  const cut = raw.length > head ? head + Math.min(afterBytes, raw.length - head - 1) : Math.min(afterBytes, head - 2);
  incoming.socket.end(raw.subarray(0, cut));
}

function rewrite(exchange: Exchange, whole: WholeAnswer, fault: RewriteFault): void {
  const { incoming, answer } = exchange;
  const headers = { ...whole.headers };
  for (const [name, value] of Object.entries(fault.headers ?? {})) {
    const key = name.toLowerCase();
    if (value === undefined) delete headers[key];
    else headers[key] = typeof value === 'string' ? value : value(String(headers[key] ?? ''));
  }
  const body = fault.body?.(whole.body) ?? whole.body;
  if (!whole.isHead && fault.body !== undefined) headers['content-length'] = String(body.length);
  const status = fault.status ?? whole.status;
  exchange.onStatus(status);
  if (fault.framing === 'http-1.0') {
    delete headers['content-length'];
    delete headers['transfer-encoding'];
    headers['connection'] = 'close';
    incoming.socket.end(rawAnswer({ ...whole, status, headers, body }, '1.0'));
    return;
  }
  if (fault.framing === 'trailers' && !whole.isHead) {
    delete headers['content-length'];
    answer.writeHead(status, { ...headers, trailer: 'x-checked' });
    answer.addTrailers({ 'x-checked': 'yes' });
    answer.end(body);
    return;
  }
  answer.writeHead(status, headers);
  answer.end(whole.isHead ? undefined : body);
}
