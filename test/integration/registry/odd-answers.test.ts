// Answers that are unusual and still usable, and those that are not usable and have to be called what they are.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createGzip, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { proxyRule } from '../../../src/base/proxy.ts';
import { startForwardProxy } from '../../support/forward-proxy.ts';
import { type MemoryRegistry, type MemoryRegistryOptions, startMemoryRegistry } from '../../support/memory-registry.ts';
import { makeClient, passwordOf, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const bytes = Buffer.from('{"schemaVersion":2}');
const manifest = { mediaType, bytes, digest: sha256(bytes) };

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: MemoryRegistryOptions = {}, clientOptions: Parameters<typeof makeClient>[0] = {}) {
  const registry: MemoryRegistry = await startMemoryRegistry(options);
  ends.push(() => registry.stop());
  const test = makeClient({ credentials: passwordOf('user', 'pass-word'), ...clientOptions });
  ends.push(() => test.client.close());
  return { registry, test, repository: test.target(`${registry.host}/a/b`) };
}

/** A plain server that sends the same bytes to every request but the ping, and then maybe hangs up. */
async function startRaw(
  answer: string,
  options: { readonly hangsUp?: boolean; readonly dripMs?: number } = {},
): Promise<TestClient & { readonly repository: ReturnType<TestClient['target']> }> {
  const sockets = new Set<Socket>();
  const drip = (socket: Socket, rest: string): void => {
    if (rest === '' || socket.destroyed) return;
    socket.write(rest.slice(0, 1));
    setTimeout(() => drip(socket, rest.slice(1)), options.dripMs);
  };
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const request = chunk.toString('latin1');
      if (!request.includes('HTTP/1.1')) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      if (request.startsWith('GET /v2/ ')) return void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      if (options.dripMs !== undefined) return drip(socket, answer);
      socket.write(answer);
      if (options.hangsUp === true) socket.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const host = typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  const test = makeClient({ limits: { attempts: 2, headersMs: 400, stalledDownloadMs: 400 } });
  ends.push(async () => {
    await test.client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { ...test, repository: test.target(`${host}/a/b`) };
}

describe('a packed answer', () => {
  const packed = { 'content-encoding': 'gzip' };

  it('is unpacked: manifests, tokens, errors', async () => {
    const { registry, repository } = await start({ auth: 'bearer' });
    const pack = (text: string): Buffer => gzipSync(Buffer.from(text));
    const token = JSON.stringify({ token: 'some-token' });
    registry.fail({ kind: 'token', answer: { status: 200, headers: packed, body: pack(token) } });
    registry.fail({
      method: 'GET',
      kind: 'manifest',
      answer: { status: 200, headers: { ...packed, 'content-type': mediaType }, body: gzipSync(bytes) },
    });
    const refusal = pack('{"errors":[{"code":"MANIFEST_INVALID","message":"not so"}]}');
    registry.fail({ method: 'PUT', answer: { status: 400, headers: packed, body: refusal } });
    expect(await repository.getManifest(manifest.digest, signal)).toEqual(manifest);
    await expect(repository.putManifest(manifest, { tag: '1' }, signal)).rejects.toMatchObject({
      code: 'manifest-rejected',
      details: ['registry said: "not so"'],
    });
    expect(registry.requests().at(-1)?.authorization).toBe('Bearer some-token');
  });

  it('that ends early is asked for again', async () => {
    const { registry, repository, test } = await start();
    await repository.putManifest(manifest, { tag: '1' }, signal);
    const half = gzipSync(bytes).subarray(0, 20);
    registry.fail({ method: 'GET', kind: 'manifest', nth: 1, answer: { status: 200, headers: packed, body: half } });
    expect(await repository.getManifest('1', signal)).toEqual(manifest);
    expect(test.lines).toEqual([expect.stringContaining('connection was closed')]);
  });

  it('is no way to fill the memory', async () => {
    const { registry, repository } = await start();
    const bomb = createGzip();
    bomb.end(Buffer.alloc(64 * 1024 * 1024));
    const body = Buffer.concat(await bomb.toArray());
    registry.fail({ method: 'GET', kind: 'manifest', answer: { status: 200, headers: packed, body } });
    await expect(repository.getManifest('1', signal)).rejects.toMatchObject({
      code: 'integrity',
      message: expect.stringContaining('more than 4 MiB'),
    });
  });
});

describe('an answer', () => {
  const head = `Content-Type: ${mediaType}\r\nDocker-Content-Digest: ${manifest.digest}\r\n`;

  it.each([
    ['of HTTP/1.0 that ends with its connection', `HTTP/1.0 200 OK\r\n${head}\r\n${String(bytes)}`, true],
    [
      'with trailers',
      `HTTP/1.1 200 OK\r\n${head}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n13\r\n${String(bytes)}\r\n0\r\nX-Sum: 1\r\n\r\n`,
      false,
    ],
    [
      'after hints',
      `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n${head}Content-Length: 19\r\n\r\n${String(bytes)}`,
      false,
    ],
  ])('%s is read', async (_, answer, hangsUp) => {
    const { repository } = await startRaw(answer, { hangsUp });
    expect(await repository.getManifest('1', signal)).toEqual(manifest);
  });

  it('that is no HTTP is called that', async () => {
    const { repository } = await startRaw('SSH-2.0-OpenSSH_9.6\r\n');
    await expect(repository.getManifest('1', signal)).rejects.toMatchObject({
      code: 'unreachable',
      exitCode: 4,
      message: expect.stringContaining('what it says is no HTTP'),
    });
  });

  it.each([
    ['headers', `HTTP/1.1 200 OK\r\n${head}\r\n`],
    ['body', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(2000)}`],
  ])('whose %s come a byte at a time is given up', async (_, answer) => {
    const { repository } = await startRaw(answer, { dripMs: 40 });
    await expect(repository.getManifest('1', signal)).rejects.toMatchObject({ code: 'stalled', exitCode: 6 });
  });

  it('to a ping that shuts us out is told from what is no registry', async () => {
    const { registry, repository } = await start();
    registry.fail({ kind: 'ping', nth: 1, answer: { status: 403, body: '<html><title>nginx</title></html>' } });
    registry.fail({ kind: 'ping', nth: 2, answer: { status: 403, body: '{"errors":[{"code":"DENIED"}]}' } });
    registry.fail({ kind: 'ping', nth: 3, answer: { status: 200, body: '<html>welcome</html>' } });
    await expect(repository.checkPushAccess(signal)).rejects.toMatchObject({ code: 'blocked', exitCode: 4 });
    await expect(repository.checkPushAccess(signal)).rejects.toMatchObject({ code: 'denied', exitCode: 3 });
  });

  it.each([200, 202, 204])('of %i to a PUT is fine', async (status) => {
    const { registry, repository } = await start();
    registry.fail({ method: 'PUT', kind: 'manifest', answer: { status } });
    expect(await repository.putManifest(manifest, { tag: '1' }, signal)).toEqual({ confirmedTags: ['1'] });
  });

  it.each([
    [403, '<html><title>Blocked</title></html>', 'blocked', 4],
    [403, '{"errors":[{"code":"DENIED","message":"no"}]}', 'denied', 3],
    [501, 'what is a POST?', 'unsupported', 4],
    [451, 'not in your country', 'refused', 4],
    [418, '<!DOCTYPE html><title>teapot</title>', 'refused', 4],
  ])('of %i %s is %s', async (status, body, code, exitCode) => {
    const { registry, repository } = await start();
    registry.fail({ method: 'POST', answer: { status, body } });
    await expect(repository.checkPushAccess(signal)).rejects.toMatchObject({ code, exitCode, status });
  });
});

it.each([302, 400, 404, 405])('a token server that answers %i is not taken for the registry', async (status) => {
  const { registry, repository } = await start({ auth: 'bearer' });
  registry.fail({ kind: 'token', answer: { status, headers: { location: '/elsewhere' } } });
  await expect(repository.checkPushAccess(signal)).rejects.toMatchObject({
    code: 'bad-token',
    exitCode: 4,
    status,
    message: expect.stringContaining(`the token server of ${registry.host} gave no token: it answered ${status}`),
  });
  expect(registry.counts()).toEqual({ 'GET ping': 1, 'GET token': 1 });
});

describe('an odd 2xx', () => {
  it('to a ping, a HEAD or a GET is taken for what it shows', async () => {
    const { registry, repository } = await start();
    await repository.putManifest(manifest, { tag: '1' }, signal);
    const other = makeClient();
    ends.push(() => other.client.close());
    const source = other.source(`${registry.host}/a/b`);
    registry.fail({ kind: 'ping', nth: 1, answer: { status: 204 } });
    registry.fail({ method: 'HEAD', kind: 'manifest', nth: 1, answer: { status: 204 } });
    registry.fail({
      method: 'GET',
      kind: 'manifest',
      nth: 1,
      answer: { status: 203, headers: { 'content-type': mediaType }, body: bytes },
    });
    expect(await source.headManifest('1', signal)).toMatchObject({ digest: manifest.digest });
    registry.fail({ method: 'GET', kind: 'manifest', nth: 1, answer: { status: 204 } });
    await expect(source.getManifest('1', signal)).rejects.toMatchObject({ code: 'refused', status: 204 });
  });
});

describe('the pull limit of Docker Hub', () => {
  it('is not waited for', async () => {
    const registry = await startMemoryRegistry();
    ends.push(() => registry.stop());
    const proxy = await startForwardProxy({ hosts: { 'registry-1.docker.io': registry.host } });
    ends.push(() => proxy.stop());
    const test = makeClient({
      insecureHosts: new Set(['docker.io']),
      proxyFor: proxyRule({ http: proxy.url, https: proxy.url }),
    });
    ends.push(() => test.client.close());
    const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}';
    registry.fail({ method: 'GET', kind: 'manifest', answer: { status: 429, body } });
    await expect(test.source('library/alpine').getManifest('3', signal)).rejects.toMatchObject({
      code: 'rate-limited',
      exitCode: 4,
      attempts: 1,
      hint: 'a login raises the pull limit of Docker Hub',
    });
    expect(registry.counts()).toMatchObject({ 'GET manifest': 1 });
  });
});

describe('what a registry warns of', () => {
  it('is printed once each', async () => {
    const { registry, repository, test } = await start();
    const warning = ['299 - "in a week, this ends", 299 - "quota \\"low\\""', '199 - "not for us"'];
    registry.fail({ method: 'PUT', kind: 'manifest', answer: { status: 201, headers: { warning } } });
    for (const tag of ['1', '2']) await repository.putManifest(manifest, { tag }, signal);
    expect(test.lines).toEqual([
      `warn: ${registry.host} warns: in a week, this ends`,
      `warn: ${registry.host} warns: quota "low"`,
    ]);
  });
});
