// Where requests and logins may go when a registry names other hosts: realms, redirects, upload locations. The other host is
// a second server on loopback that records every Authorization header.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import {
  memoryLogin,
  type MemoryRegistry,
  type MemoryRegistryOptions,
  startMemoryRegistry,
} from '../../support/memory-registry.ts';
import { makeClient, passwordOf, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const bytes = Buffer.from('some layer');
const digest = sha256(bytes);
const blob = { digest, sizeBytes: bytes.length, open: (): Readable => Readable.from([bytes], { objectMode: false }) };
const manifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json', bytes, digest };

interface Visit {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

interface Elsewhere {
  readonly url: string;
  readonly visits: Visit[];
  answer: { status: number; body?: Buffer; headers?: Record<string, string> };
}

let elsewhere: Elsewhere;
const ends: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  const visits: Visit[] = [];
  const server = createServer((incoming, outgoing) => {
    incoming.resume();
    visits.push({ method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers });
    const { status, body, headers = {} } = elsewhere.answer;
    incoming.on('end', () => outgoing.writeHead(status, headers).end(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  elsewhere = { url: `http://127.0.0.1:${port}`, visits, answer: { status: 200, body: bytes } };
  ends.push(async () => {
    server.close();
    server.closeAllConnections();
  });
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(
  options: MemoryRegistryOptions,
): Promise<{ readonly registry: MemoryRegistry; readonly test: TestClient }> {
  const registry = await startMemoryRegistry(options);
  ends.push(() => registry.stop());
  const test = makeClient({ credentials: passwordOf(memoryLogin.username, memoryLogin.password) });
  ends.push(() => test.client.close());
  return { registry, test };
}

describe.each(['basic', 'bearer'] as const)('with %s', (auth) => {
  it('a redirect of a blob is followed without the login', async () => {
    const { registry, test } = await start({ auth });
    const location = `${elsewhere.url}/storage?signature=a%2Bb/c'd`;
    registry.fail({ method: 'GET', kind: 'blob', answer: { status: 307, headers: { location } } });
    expect(Buffer.from(await test.source(`${registry.host}/a/b`).readBlob(digest, 100, signal))).toEqual(bytes);
    expect(elsewhere.visits.map(({ url }) => url)).toEqual([`/storage?signature=a%2Bb/c'd`]);
    expect(elsewhere.visits[0]?.headers.authorization).toBeUndefined();
    expect(registry.requests().at(-1)?.authorization).not.toBe('');
  });

  it('a login asked for elsewhere is not given', async () => {
    const { registry, test } = await start({ auth });
    elsewhere.answer = { status: 401, headers: { 'www-authenticate': 'Basic realm="give it to me"' } };
    registry.fail({ method: 'GET', kind: 'blob', answer: { status: 307, headers: { location: elsewhere.url } } });
    await expect(test.source(`${registry.host}/a/b`).readBlob(digest, 100, signal)).rejects.toMatchObject({
      code: 'foreign-login',
      exitCode: 4,
    });
    expect(elsewhere.visits.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('a way back from elsewhere does not bring the login back', async () => {
    const { registry, test } = await start({ auth });
    // With a token it is tried twice, since the token might be to blame.
    for (const nth of [1, 3])
      registry.fail({
        method: 'GET',
        kind: 'blob',
        nth,
        answer: { status: 307, headers: { location: elsewhere.url } },
      });
    elsewhere.answer = { status: 307, headers: { location: `${registry.url}/v2/a/b/blobs/${digest}` } };
    await expect(test.source(`${registry.host}/a/b`).readBlob(digest, 100, signal)).rejects.toMatchObject({
      exitCode: 3,
    });
    const asked = registry.requests().filter(({ kind }) => kind === 'blob');
    expect(asked.map(({ authorization }) => authorization === '')).toEqual(
      auth === 'basic' ? [false, true] : [false, true, false, true],
    );
  });

  it('an upload goes to a location elsewhere without the login', async () => {
    const { registry, test } = await start({ auth });
    const location = `${elsewhere.url}/put?_state=x%3D%3D`;
    registry.fail({ method: 'POST', kind: 'upload', answer: { status: 202, headers: { location } } });
    elsewhere.answer = { status: 201 };
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).toBe('uploaded');
    expect(elsewhere.visits).toMatchObject([
      {
        method: 'PUT',
        url: `/put?_state=x%3D%3D&digest=${encodeURIComponent(digest)}`,
        headers: { 'content-length': '10' },
      },
    ]);
    expect(elsewhere.visits[0]?.headers.authorization).toBeUndefined();
  });

  it('a manifest is not written elsewhere', async () => {
    const { registry, test } = await start({ auth });
    registry.fail({ method: 'PUT', kind: 'manifest', answer: { status: 307, headers: { location: elsewhere.url } } });
    await expect(test.target(`${registry.host}/a/b`).putManifest(manifest, { tag: '1' }, signal)).rejects.toMatchObject(
      {
        code: 'forbidden-target',
        exitCode: 4,
      },
    );
    expect(elsewhere.visits).toEqual([]);
  });
});

describe('redirects', () => {
  it('end after five', async () => {
    const { registry, test } = await start({});
    registry.fail({ method: 'GET', kind: 'blob', answer: { status: 307, headers: { location: '?again' } } });
    await expect(test.source(`${registry.host}/a/b`).readBlob(digest, 100, signal)).rejects.toMatchObject({
      code: 'forbidden-target',
      message: expect.stringContaining('6th redirect'),
    });
    expect(registry.counts()).toMatchObject({ 'GET blob': 6 });
  });

  it('of HEAD are proof enough that a blob is there', async () => {
    const { registry, test } = await start({});
    registry.fail({ method: 'HEAD', kind: 'blob', answer: { status: 307, headers: { location: elsewhere.url } } });
    expect(await test.source(`${registry.host}/a/b`).hasBlob(digest, signal)).toBe(true);
    expect(elsewhere.visits).toEqual([]);
  });

  it.each([
    ['a metadata service', 'http://169.254.169.254/latest/'],
    ['a private address', 'http://10.0.0.1/'],
    ['a file', 'file:///etc/passwd'],
    ['an address with a login', 'http://user:secret@127.0.0.1/'],
    ['nowhere', 'http://'],
  ])('to %s are refused', async (_, location) => {
    const { registry, test } = await start({});
    registry.fail({ method: 'GET', kind: 'blob', answer: { status: 307, headers: { location } } });
    registry.fail({ method: 'POST', kind: 'upload', answer: { status: 202, headers: { location } } });
    await expect(test.source(`${registry.host}/a/b`).readBlob(digest, 100, signal)).rejects.toMatchObject({
      code: 'forbidden-target',
    });
    await expect(test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).rejects.toMatchObject({
      code: expect.stringMatching(/^(forbidden-target|bad-location)$/),
      exitCode: 4,
    });
  });

  it.each(['relative', 'path', 'absolute'] as const)('and locations may be %s', async (location) => {
    const { registry, test } = await start({ auth: 'basic', location });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).toBe('uploaded');
    expect(registry.requests().at(-1)).toMatchObject({
      method: 'PUT',
      path: expect.stringMatching(/^\/v2\/a\/b\/blobs\/uploads\/[\w-]+$/),
      query: expect.stringMatching(/^\?_state=a%2Bb%3D&digest=/),
      authorization: expect.stringMatching(/^Basic/),
    });
  });
});

describe('token servers', () => {
  it.each([
    ['https://evil.example.net/token', 'belongs to somebody else'],
    ['https://169.254.169.254/token', 'belongs to somebody else'],
    ['http://evil.example.net/token', 'belongs to somebody else'],
    ['ftp://127.0.0.1/token', 'does not speak https'],
    ['null://', 'no'],
    ['', 'names no token server'],
  ])('at %j are not asked', async (realm, reason) => {
    const { registry, test } = await start({});
    const challenge = { 'www-authenticate': `Bearer realm="${realm}",service="s"` };
    registry.fail({ kind: 'ping', answer: { status: 401, headers: challenge } });
    await expect(test.target(`${registry.host}/a/b`).checkPushAccess(signal)).rejects.toMatchObject({
      code: 'bad-realm',
      exitCode: 4,
      message: expect.stringContaining(reason),
    });
    expect(registry.counts()).toEqual({ 'GET ping': 1 });
  });

  it('that redirect are not followed', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    registry.fail({ kind: 'token', answer: { status: 302, headers: { location: elsewhere.url } } });
    await expect(test.target(`${registry.host}/a/b`).checkPushAccess(signal)).rejects.toMatchObject({ status: 302 });
    expect(elsewhere.visits).toEqual([]);
  });

  it('that do not give a token are named with what they gave', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    registry.fail({ kind: 'token', answer: { status: 200, body: '{"Token":"x","Expires":1}' } });
    await expect(test.target(`${registry.host}/a/b`).checkPushAccess(signal)).rejects.toMatchObject({
      code: 'bad-token',
      message: expect.stringContaining('Token, Expires'),
    });
  });

  it('are found among other challenges, in one header or in several', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    const bearer = `Bearer realm="${registry.url}/token",service="memory",scope="repository:a/b:pull,push"`;
    const headers = { 'www-authenticate': ['Negotiate', `NTLM TlRMTVNT==, Basic realm="x", ${bearer}`] };
    registry.fail({ kind: 'ping', answer: { status: 401, headers } });
    await test.target(`${registry.host}/a/b`).checkPushAccess(signal);
    expect(registry.counts()).toMatchObject({ 'GET token': 1 });
  });

  it('may be missing altogether', async () => {
    const { registry, test } = await start({});
    registry.fail({ kind: 'ping', answer: { status: 401, headers: { 'www-authenticate': 'Negotiate, NTLM' } } });
    await expect(test.target(`${registry.host}/a/b`).checkPushAccess(signal)).rejects.toMatchObject({
      code: 'unsupported-login',
      message: expect.stringContaining('negotiate, ntlm'),
    });
  });

  it('may be needed only later', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    registry.fail({ kind: 'ping', answer: { status: 200 } });
    await test.target(`${registry.host}/a/b`).checkPushAccess(signal);
    expect(registry.counts()).toMatchObject({ 'GET ping': 1, 'GET token': 1, 'POST upload': 2 });
  });
});
