// The fault proxy itself: that each kind of fault is what its name says, on sockets, before anybody judges the plugin by it.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type FaultProxy, type FaultProxyOptions, startFaultProxy } from '../../faults/fault-proxy.ts';
import type { Fault, FaultRule } from '../../faults/rules.ts';
import { makeEngineCertificates } from '../../support/engine-certificates.ts';
import { registryUsers, startRegistry } from '../../support/registry.ts';
import { makeTemporaryFolder } from '../../support/workspace.ts';

interface Tiny {
  readonly host: string;
  /** Bytes of each request's body that arrived whole. */
  readonly bodies: number[];
}

/** Answers everything with "hello", once it has read the body. */
async function startTiny(): Promise<Tiny> {
  const bodies: number[] = [];
  const server = createServer((incoming, answer) => {
    let bytes = 0;
    incoming.on('data', (part: Buffer) => void (bytes += part.length));
    incoming.on('end', () => {
      bodies.push(bytes);
      answer.writeHead(200, { 'x-kept': 'yes', 'content-length': 5 }).end('hello');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { host: `127.0.0.1:${address.port}`, bodies };
}

async function proxyBefore(host: string, options?: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = await startFaultProxy(host, options);
  onTestFinished(() => proxy.stop());
  return proxy;
}

interface Seen {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: IncomingMessage['headers'];
  readonly trailers?: IncomingMessage['trailers'];
  readonly httpVersion?: string;
  /** Code of the error that ended it, or `silence`. */
  readonly error?: string;
  readonly message?: string;
  readonly ms: number;
}

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly body?: Buffer;
  readonly patienceMs?: number;
  readonly ca?: string;
}

async function ask(proxy: FaultProxy, asked: Asked = {}): Promise<Seen> {
  const begun = performance.now();
  const url = `${asked.ca === undefined ? 'http' : 'https'}://${proxy.host}${asked.path ?? '/'}`;
  const options = { method: asked.method ?? 'GET', agent: false as const, ...(asked.ca ? { ca: asked.ca } : {}) };
  const call = asked.ca === undefined ? request(url, options) : tlsRequest(url, options);
  const patience = setTimeout(() => call.destroy(new Error('silence')), asked.patienceMs ?? 10_000);
  try {
    return await new Promise<Seen>((resolve) => {
      const fail = (error: NodeJS.ErrnoException): void =>
        resolve({ error: error.code ?? error.message, message: error.message, ms: performance.now() - begun });
      call.on('error', fail);
      call.on('response', (response) => {
        let body = '';
        response.on('data', (part: Buffer) => void (body += part.toString()));
        response.on('error', fail);
        response.on('end', () => {
          const { statusCode: status = 0, headers, trailers, httpVersion } = response;
          resolve({ status, body, headers, trailers, httpVersion, ms: performance.now() - begun });
        });
      });
      call.end(asked.body);
    });
  } finally {
    clearTimeout(patience);
  }
}

const body = Buffer.alloc(3_000_000, 7);

interface Case {
  readonly fault: Fault;
  readonly expected: Partial<Record<keyof Seen, unknown>>;
  /** Whether the server got the whole request. */
  readonly isDone: boolean;
  readonly patienceMs?: number;
}

const silence = { error: 'silence' };
const hangUp = { error: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) };
const cases: readonly Case[] = [
  { fault: { kind: 'answer', status: 503, body: 'no' }, expected: { status: 503, body: 'no' }, isDone: false },
  { fault: { kind: 'answer', status: 413, early: true }, expected: { status: 413 }, isDone: false },
  { fault: { kind: 'reset', when: 'before' }, expected: hangUp, isDone: false },
  { fault: { kind: 'reset', when: 'body' }, expected: hangUp, isDone: false },
  { fault: { kind: 'reset', when: 'after' }, expected: { message: 'read ECONNRESET' }, isDone: true },
  { fault: { kind: 'fin', when: 'before' }, expected: hangUp, isDone: false },
  { fault: { kind: 'fin', when: 'body' }, expected: hangUp, isDone: false },
  { fault: { kind: 'fin', when: 'after' }, expected: { message: 'socket hang up' }, isDone: true },
  { fault: { kind: 'lose-answer' }, expected: { message: 'read ECONNRESET' }, isDone: true },
  { fault: { kind: 'hang', when: 'before' }, expected: silence, isDone: false, patienceMs: 400 },
  { fault: { kind: 'hang', when: 'body' }, expected: silence, isDone: false, patienceMs: 400 },
  { fault: { kind: 'hang', when: 'after' }, expected: silence, isDone: true, patienceMs: 800 },
  { fault: { kind: 'truncate', afterBytes: 2 }, expected: { error: 'ECONNRESET' }, isDone: true },
  {
    fault: { kind: 'rewrite', status: 299, headers: { 'x-kept': undefined } },
    expected: { status: 299 },
    isDone: true,
  },
  {
    fault: { kind: 'rewrite', framing: 'http-1.0' },
    expected: { status: 200, body: 'hello', httpVersion: '1.0' },
    isDone: true,
  },
  {
    fault: { kind: 'rewrite', framing: 'trailers', body: () => Buffer.from('other') },
    expected: { body: 'other', trailers: { 'x-checked': 'yes' } },
    isDone: true,
  },
];

test.each(cases)('$fault is what it says, and the next request passes', async (one) => {
  const tiny = await startTiny();
  const proxy = await proxyBefore(tiny.host);
  proxy.arm([{ match: { nth: 2 }, do: one.fault }]);
  expect(await ask(proxy)).toMatchObject({ status: 200, body: 'hello' });
  const patience = one.patienceMs === undefined ? {} : { patienceMs: one.patienceMs };
  expect(await ask(proxy, { method: 'PUT', body, ...patience })).toMatchObject(one.expected);
  expect(await ask(proxy)).toMatchObject({ status: 200, headers: { 'x-kept': 'yes' } });
  expect(proxy.fired().map(({ fault }) => fault)).toEqual([one.fault]);
  expect(tiny.bodies.includes(body.length)).toBe(one.isDone);
});

test('drips and delays take their time', async () => {
  const tiny = await startTiny();
  const proxy = await proxyBefore(tiny.host);
  const slow = async (fault: Fault, asked?: Asked): Promise<Seen> => {
    proxy.arm([{ match: {}, do: fault }]);
    return await ask(proxy, asked);
  };
  const upload = { method: 'PUT', body: Buffer.alloc(1000) };
  const request = await slow({ kind: 'drip', bytesPerSecond: 2000, direction: 'request' }, upload);
  const answer = await slow({ kind: 'drip', bytesPerSecond: 400, direction: 'answer' });
  const delayed = await slow({ kind: 'delay', ms: 300 });
  expect([request, answer, delayed].map(({ status, body: text }) => [status, text])).toEqual(
    Array.from({ length: 3 }, () => [200, 'hello']),
  );
  expect(request.ms).toBeGreaterThan(300);
  expect(answer.ms).toBeGreaterThan(150);
  expect(delayed.ms).toBeGreaterThan(290);
  expect(tiny.bodies[0]).toBe(1000);
  const oneByte = await slow({ kind: 'drip', bytesPerSecond: 1, direction: 'answer' }, { patienceMs: 500 });
  expect(oneByte).toMatchObject(silence);
});

test('cuts connections below TLS too', async () => {
  const tiny = await startTiny();
  const folder = makeTemporaryFolder();
  makeEngineCertificates(folder);
  const [key = '', cert = '', ca = ''] = ['server-key.pem', 'server-cert.pem', 'ca.pem'].map((name) =>
    readFileSync(join(folder, name), 'utf8'),
  );
  const proxy = await proxyBefore(tiny.host, { tls: { key, cert } });
  proxy.arm([{ match: { nth: 2 }, do: { kind: 'reset', when: 'before' } }]);
  expect(await ask(proxy, { ca })).toMatchObject({ status: 200 });
  expect(await ask(proxy, { ca })).toMatchObject({ error: 'ECONNRESET' });
});

test('rules choose by step, tag, place and number, and a row stays with what it began with', async () => {
  const tiny = await startTiny();
  const proxy = await proxyBefore(tiny.host);
  const refuse: Fault = { kind: 'answer', status: 503 };
  const statuses = async (rules: readonly FaultRule[], asked: readonly (readonly [string, string])[]) => {
    proxy.arm(rules, new Map([['hb', 3]]));
    const seen: (number | undefined)[] = [];
    for (const [method, path] of asked) seen.push((await ask(proxy, { method, path })).status);
    return seen;
  };
  const blob = (name: string) => ['HEAD', `/v2/a/b/blobs/sha256:${name}`] as const;
  const tag = (method: string, name: string) => [method, `/v2/a/b/manifests/${name}`] as const;
  const blobs = [blob('1'), blob('2'), blob('3'), blob('3')];
  expect(await statuses([{ match: { step: 'hb', nth: -1 }, do: refuse }], blobs)).toEqual([200, 200, 503, 200]);
  const row = [blob('1'), blob('2'), blob('1'), blob('1')];
  expect(await statuses([{ match: { step: 'hb', times: 2 }, do: refuse }], row)).toEqual([503, 200, 503, 200]);
  const tags = [tag('HEAD', 'x'), tag('PUT', 'x'), tag('HEAD', 'x'), tag('PUT', 'y'), tag('HEAD', 'z')];
  expect(await statuses([{ match: { step: 'ht' }, do: refuse }], tags)).toEqual([200, 200, 503, 200, 200]);
  expect(await statuses([{ match: { step: 'pt', tag: 'y' }, do: refuse }], tags)).toEqual([200, 200, 200, 503, 200]);
  expect(Object.fromEntries(proxy.counts())).toEqual({ hm: 2, pt: 2, ht: 1 });
  proxy.arm([{ match: { method: 'PUT', minBodyBytes: 100 }, do: refuse }]);
  const put = { method: 'PUT', path: '/v2/a/blobs/uploads/1' };
  expect((await ask(proxy, { ...put, body: Buffer.alloc(99) })).status).toBe(200);
  expect((await ask(proxy, { ...put, body: Buffer.alloc(100) })).status).toBe(503);
  expect(() => proxy.arm([{ match: { step: 'pt', nth: -1 }, do: refuse }])).toThrow('how many requests of step pt');
});

/** The fates of requests under a seed: one letter each, `.` = it passed. */
async function fatesOf(host: string, seed: number, asked: readonly Asked[]): Promise<readonly string[]> {
  const kinds = [503, 429].map((status) => ({ kind: 'answer', status }) as const);
  const proxy = await proxyBefore(host, { random: { probability: 0.3, seed, kinds } });
  const fates: string[] = [];
  for (const one of asked) {
    const { status = 0 } = await ask(proxy, one);
    fates.push(status === 200 ? '.' : String(status));
  }
  return fates;
}

test('chance is the seed and the tag, not the order of tags', async () => {
  const tiny = await startTiny();
  const asked = Array.from({ length: 60 }, (_, index) => ({ path: `/v2/a/manifests/t${index}` }));
  const first = await fatesOf(tiny.host, 1, asked);
  const hits = first.filter((fate) => fate !== '.');
  expect(hits.length).toBeGreaterThan(6);
  expect(hits.length).toBeLessThan(36);
  expect(await fatesOf(tiny.host, 1, asked.toReversed())).toEqual(first.toReversed());
  expect(await fatesOf(tiny.host, 2, asked)).not.toEqual(first);
});

test('chance does not know names that are new in each run', async () => {
  const tiny = await startTiny();
  const publish = (path: string, digit: string): readonly Asked[] =>
    Array.from({ length: 10 }, (_, index) => {
      const digest = `sha256:${digit.repeat(63)}${index}`;
      return [
        { method: 'HEAD', path: `/v2/${path}/blobs/${digest}` },
        { method: 'POST', path: `/v2/${path}/blobs/uploads/` },
        { method: 'PUT', path: `/v2/${path}/blobs/uploads/${digit}${index}?digest=${digest}` },
        { method: 'PUT', path: `/v2/${path}/manifests/${digest}` },
        { method: 'PUT', path: `/v2/${path}/manifests/1.${index}` },
        { method: 'GET', path: `/v2/${path}/tags/list` },
      ];
    }).flat();
  const first = await fatesOf(tiny.host, 7, publish('faults/run-1', 'a'));
  expect(new Set(first)).toEqual(new Set(['.', '503', '429']));
  expect(await fatesOf(tiny.host, 7, publish('faults/another/run-2', 'b'))).toEqual(first);
});

test('stands before a real registry and its token server', async () => {
  const registry = await startRegistry({ auth: 'token' });
  onTestFinished(() => registry.stop());
  const realm = registry.tokens?.realm ?? '';
  const proxy = await proxyBefore(registry.host, { tokens: new URL(realm).host });
  const challenge = (await fetch(`http://${proxy.host}/v2/`)).headers.get('www-authenticate');
  expect(challenge).toContain(`realm="http://${proxy.host}/token"`);
  const login = Buffer.from(`builder:${registryUsers.builder.password}`).toString('base64');
  const scope = 'scope=repository:a/b:pull,push&service=test-registry';
  const token = await fetch(`http://${proxy.host}/token?${scope}`, { headers: { authorization: `Basic ${login}` } });
  const fields = (await token.json()) as { readonly token: string };
  const headers = { authorization: `Bearer ${fields.token}` };
  const begun = await fetch(`http://${proxy.host}/v2/a/b/blobs/uploads/`, { method: 'POST', headers });
  expect(begun.status).toBe(202);
  proxy.arm([{ match: { step: 'hb' }, do: { kind: 'no-login' } }]);
  const probe = { method: 'HEAD', headers };
  expect((await fetch(`http://${proxy.host}/v2/a/b/blobs/sha256:${'0'.repeat(64)}`, probe)).status).toBe(401);
  expect((await fetch(`http://${proxy.host}/v2/a/b/blobs/sha256:${'0'.repeat(64)}`, probe)).status).toBe(404);
  const location = begun.headers.get('location') ?? '';
  expect(new URL(location).host).toBe(proxy.host);
  const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
  proxy.arm([{ match: { step: 'pb' }, do: { kind: 'lose-answer' } }]);
  await expect(fetch(`${location}&digest=${digest}`, { method: 'PUT', headers, body })).rejects.toThrow('fetch failed');
  expect((await fetch(`http://${proxy.host}/v2/a/b/blobs/${digest}`, { method: 'HEAD', headers })).status).toBe(200);
  expect(Object.fromEntries(proxy.counts())).toEqual({ pb: 1, hb: 1 });
});
