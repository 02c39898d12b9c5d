// Where a registry may send us, row by row of the table of origins (O01 to O24): names resolve as we choose, and every
// server notes what it is sent. Nothing that a hostile registry names may see a login, and most may see nothing at all.
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { type NamedHosts, type Reply, startNamedHosts, type Visit } from '../../support/named-hosts.ts';
import { makeClient, passwordOf, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const bytes = Buffer.from('some layer');
const digest = sha256(bytes);
const blob = { digest, sizeBytes: bytes.length, open: (): Readable => Readable.from([bytes], { objectMode: false }) };
const manifestBytes = Buffer.from(
  JSON.stringify({ layers: [{ digest, urls: ['https://evil.example.net/layer', 'http://169.254.169.254/layer'] }] }),
);
const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const manifest = { mediaType, bytes: manifestBytes, digest: sha256(manifestBytes) };

const registry = 'https://reg.example.com';
const evil = 'https://evil.example.net';
const storage = 'https://storage.example.org';
const metadata = '169.254.169.254';

let net: NamedHosts;
let test: TestClient | undefined;

beforeAll(async () => {
  net = await startNamedHosts({
    'reg.example.com': '203.0.113.10',
    'auth.example.com': '203.0.113.11',
    'inside.example.com': metadata,
    'evil.example.net': '203.0.113.66',
    'storage.example.org': '203.0.113.20',
    'reg.co.uk': '203.0.113.12',
    'evil.co.uk': '203.0.113.67',
    'registry-1.docker.io': '203.0.113.13',
    'auth.docker.io': '203.0.113.14',
  });
  const canary = (): Reply => ({ status: 200, body: JSON.stringify({ token: 'from-the-canary' }) });
  // Whoever is sent here finds somebody who gladly takes everything.
  for (const where of [evil, `${evil}:8443`, 'http://evil.example.net', `https://${metadata}`, `http://${metadata}`])
    await net.serve(where, canary);
  for (const where of ['https://evil.co.uk', 'https://127.0.0.1:8443', `${registry}:5001`])
    await net.serve(where, canary);
  for (const where of ['https://auth.example.com', 'https://auth.docker.io', 'http://storage.example.org'])
    await net.serve(where, canary);
});
afterAll(() => net.stop());
afterEach(async () => {
  await test?.client.close();
  net.forget();
});

function client(options: Parameters<typeof makeClient>[0] = {}): TestClient {
  test = makeClient({
    credentials: passwordOf('ci', 'pass-word'),
    caCertificates: [net.authority],
    limits: { attempts: 2 },
    ...options,
  });
  return test;
}

/** A registry with Bearer logins; `answer` serves what comes with a token. */
async function serveRegistry(
  origin: string,
  challenge: string | readonly string[],
  answer: (visit: Visit) => Reply | undefined = () => undefined,
): Promise<void> {
  await net.serve(origin, (visit) => {
    if (visit.url.startsWith('/token')) return { status: 200, body: '{"token":"from-the-registry"}' };
    if (visit.authorization === undefined) return { status: 401, headers: { 'www-authenticate': challenge } };
    return answer(visit) ?? { status: 404 };
  });
}

function bearer(realm: string): string {
  return `Bearer realm="${realm}",service="registry"`;
}

/** Visits to other origins than the registry's. */
function elsewhere(own = registry): readonly Visit[] {
  return net.visits.filter(({ origin }) => origin !== own);
}

describe('a realm', () => {
  it.each([
    ['O01', 'reg.example.com', registry, `${registry}:5001/token`],
    ['O02', 'reg.example.com', registry, 'https://auth.example.com/token'],
    ['O03', 'docker.io', 'https://registry-1.docker.io', 'https://auth.docker.io/token'],
    ['own', 'reg.example.com', registry, `${registry}/token`],
  ])('%s of %s is asked with the login', async (_, host, origin, realm) => {
    await serveRegistry(origin, bearer(realm));
    expect(await client().source(`${host}/a/b`).headManifest('1', signal)).toBeUndefined();
    const asked = net.visits.filter(({ url }) => url.startsWith('/token'));
    expect(asked).toMatchObject([
      { origin: new URL(realm).origin, authorization: `Basic ${Buffer.from('ci:pass-word').toString('base64')}` },
    ]);
  });

  it.each([
    ['O04', 'reg.example.com', registry, `${evil}/token`],
    ['O04 with a port', 'reg.example.com', registry, `${evil}:8443/token`],
    ['O05', 'reg.example.com', registry, 'http://reg.example.com/token'],
    ['O06', 'reg.example.com', registry, `https://${metadata}/token`],
    ['O07', 'reg.example.com', registry, 'https://inside.example.com/token'],
    ['O08', 'reg.example.com', registry, 'https://127.0.0.1:8443/token'],
    ['O09', 'reg.co.uk', 'https://reg.co.uk', 'https://evil.co.uk/token'],
    ['O13 empty', 'reg.example.com', registry, ''],
    ['O13 null', 'reg.example.com', registry, 'null://'],
    ['with a login in it', 'reg.example.com', registry, 'https://a:b@reg.example.com/token'],
    [
      'with a name that only looks like ours',
      'reg.example.com',
      registry,
      'https://reg.example.com.evil.example.net/t',
    ],
  ])('%s of %s is refused, and nothing is sent there', async (_, host, origin, realm) => {
    await serveRegistry(origin, bearer(realm));
    await expect(client().source(`${host}/a/b`).headManifest('1', signal)).rejects.toMatchObject({
      code: 'bad-realm',
      exitCode: 4,
    });
    expect(elsewhere(origin)).toEqual([]);
    expect(net.dialled.filter((address) => /^(?:169|127|203\.0\.113\.6)/.test(address))).toEqual([]);
    expect(net.visits.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  it('O04 of another house is asked when the settings name it', async () => {
    await serveRegistry(registry, bearer(`${evil}/token`));
    const trusting = client({ tokenHosts: new Set(['evil.example.net']) });
    expect(await trusting.source('reg.example.com/a/b').headManifest('1', signal)).toBeUndefined();
    expect(elsewhere().map(({ url }) => url.split('?')[0])).toEqual(['/token']);
  });

  it('O10 that sends us elsewhere is not followed', async () => {
    await serveRegistry(registry, bearer('https://auth.example.com/redirect'));
    await net.serve('https://auth.example.com', () => ({ status: 302, headers: { location: `${evil}/token` } }));
    await expect(client().source('reg.example.com/a/b').headManifest('1', signal)).rejects.toMatchObject({
      exitCode: 4,
      status: 302,
    });
    expect(net.visits.filter(({ origin }) => origin === evil)).toEqual([]);
  });

  it('O11 that answers without a token is told what was missing', async () => {
    await serveRegistry(registry, bearer('https://auth.example.com/odd'));
    await net.serve('https://auth.example.com', () => ({ status: 200, body: '{"Token":"x"}' }));
    await expect(client().source('reg.example.com/a/b').headManifest('1', signal)).rejects.toMatchObject({
      code: 'bad-token',
      message: expect.stringMatching(/without a usable `token`.*only with "Token"/),
    });
  });

  it('O12 is found behind other challenges', async () => {
    const scope = 'scope="repository:a/b:pull,push"';
    await serveRegistry(registry, ['Negotiate', `NTLM TlRM==, ${bearer(`${registry}/token`)},${scope}`]);
    expect(await client().source('reg.example.com/a/b').headManifest('1', signal)).toBeUndefined();
    expect(net.visits.at(-1)?.authorization).toBe('Bearer from-the-registry');
  });

  it('O13 that is missing is no realm', async () => {
    await serveRegistry(registry, 'Bearer service="registry"');
    await expect(client().source('reg.example.com/a/b').headManifest('1', signal)).rejects.toMatchObject({
      code: 'bad-realm',
    });
    expect(elsewhere()).toEqual([]);
  });

  it('O24 on loopback serves a registry on loopback', async () => {
    const own = 'https://127.0.0.1:5000';
    await serveRegistry(own, bearer('https://127.0.0.1:8443/token'));
    expect(await client().source('127.0.0.1:5000/a/b').headManifest('1', signal)).toBeUndefined();
    expect(elsewhere(own).map(({ origin }) => origin)).toEqual(['https://127.0.0.1:8443']);
    expect(net.visits.at(-1)?.authorization).toBe('Bearer from-the-canary');
  });
});

describe('a redirect of a blob', () => {
  const redirectTo = async (location: string): Promise<void> =>
    serveRegistry(registry, bearer(`${registry}/token`), () => ({ status: 307, headers: { location } }));
  const read = async (): Promise<Uint8Array> => client().source('reg.example.com/a/b').readBlob(digest, 100, signal);

  it('O14 to a storage is followed without the login', async () => {
    await redirectTo(`${storage}/blob?signature=a%2Bb`);
    await net.serve(storage, () => ({ status: 200, body: bytes }));
    expect(Buffer.from(await read())).toEqual(bytes);
    expect(elsewhere()).toEqual([
      { origin: storage, method: 'GET', url: '/blob?signature=a%2Bb', authorization: undefined },
    ]);
  });

  it.each([
    ['O15 to plain http', 'http://storage.example.org/blob'],
    ['to a metadata address', `https://${metadata}/blob`],
    ['to a name of a metadata address', 'https://inside.example.com/blob'],
    ['to loopback', 'https://127.0.0.1:8443/blob'],
    ['to a file', 'file:///etc/passwd'],
  ])('%s is refused', async (_, location) => {
    await redirectTo(location);
    await expect(read()).rejects.toMatchObject({ code: 'forbidden-target', exitCode: 4 });
    expect(elsewhere()).toEqual([]);
  });

  it('O16 ends after five, also when it is a loop', async () => {
    await redirectTo(`${storage}/1`);
    await net.serve(storage, ({ url }) => ({ status: 307, headers: { location: `/${Number(url.slice(1)) + 1}` } }));
    await expect(read()).rejects.toMatchObject({ code: 'forbidden-target' });
    expect(elsewhere()).toHaveLength(5);
    net.forget();
    await redirectTo(`/v2/a/b/blobs/${digest}`);
    await expect(read()).rejects.toMatchObject({ code: 'forbidden-target' });
  });

  it('O17 to somebody who wants a login ends there', async () => {
    await redirectTo(`${storage}/blob`);
    await net.serve(storage, () => ({ status: 401, headers: { 'www-authenticate': bearer(`${storage}/token`) } }));
    await expect(read()).rejects.toMatchObject({ code: 'foreign-login', exitCode: 4 });
    expect(elsewhere().map(({ url, authorization }) => [url, authorization])).toEqual([['/blob', undefined]]);
  });
});

describe('the Location of an upload', () => {
  const openAt = async (location: string): Promise<void> =>
    serveRegistry(registry, bearer(`${registry}/token`), ({ method }) => {
      if (method === 'POST') return { status: 202, headers: { location } };
      return method === 'PUT' ? { status: 201 } : undefined;
    });
  const upload = async () => client().target('reg.example.com/a/b').ensureBlob(blob, signal);

  it('O18 on another host gets the body and no login', async () => {
    await openAt(`${storage}/put?_state=a%2Bb`);
    await net.serve(storage, () => ({ status: 201 }));
    expect(await upload()).toBe('uploaded');
    const url = `/put?_state=a%2Bb&digest=${encodeURIComponent(digest)}`;
    expect(elsewhere()).toEqual([{ origin: storage, method: 'PUT', url, authorization: undefined }]);
  });

  it.each([
    ['loopback', 'https://127.0.0.1:8443/put'],
    ['a metadata address', `https://${metadata}/put`],
    ['a name of a metadata address', 'https://inside.example.com/put'],
  ])('O19 at %s is refused', async (_, location) => {
    await openAt(location);
    await expect(upload()).rejects.toMatchObject({ exitCode: 4 });
    expect(elsewhere()).toEqual([]);
  });

  it.each([
    ['absolute', `${registry}/v2/a/b/blobs/uploads/1?_state=a%2Bb%3D`],
    ['path-only', '/v2/a/b/blobs/uploads/1?_state=a%2Bb%3D'],
    ['relative', '1?_state=a%2Bb%3D'],
  ])('O20 may be %s, and its query stays as it is', async (_, location) => {
    await openAt(location);
    expect(await upload()).toBe('uploaded');
    expect(net.visits.find(({ method }) => method === 'PUT')).toEqual({
      origin: registry,
      method: 'PUT',
      url: `/v2/a/b/blobs/uploads/1?_state=a%2Bb%3D&digest=${encodeURIComponent(digest)}`,
      authorization: 'Bearer from-the-registry',
    });
  });
});

describe('a manifest', () => {
  it('O21 is not put elsewhere', async () => {
    await serveRegistry(registry, bearer(`${registry}/token`), () => ({
      status: 307,
      headers: { location: `${evil}/v2/a/b/manifests/1` },
    }));
    await expect(
      client().target('reg.example.com/a/b').putManifest(manifest, { tag: '1' }, signal),
    ).rejects.toMatchObject({ code: 'forbidden-target', exitCode: 4 });
    expect(elsewhere()).toEqual([]);
  });

  it('O22 with layers of somebody else does not make us go there', async () => {
    await serveRegistry(registry, bearer(`${registry}/token`), ({ method }) =>
      method === 'PUT' ? { status: 201 } : { status: 200, headers: { 'content-type': mediaType }, body: manifestBytes },
    );
    const both = client();
    expect(await both.source('reg.example.com/a/b').getManifest(manifest.digest, signal)).toMatchObject(manifest);
    await both.target('reg.example.com/c/d').putManifest(manifest, { tag: '1' }, signal);
    expect(elsewhere()).toEqual([]);
  });
});

it('a certificate for other names is said with its names', async () => {
  await net.serve('https://203.0.113.99', () => ({ status: 200 }));
  await expect(client().source('203.0.113.99/a/b').headManifest('1', signal)).rejects.toMatchObject({
    code: 'tls-invalid',
    exitCode: 4,
    message: expect.stringMatching(/is for another host \(it is for DNS:reg\.example\.com, /),
  });
});

it('O23 a plain registry that has moved to TLS is written to there', async () => {
  const plain = 'http://reg.example.com';
  let isUp = false;
  await net.serve(registry, ({ method }) => {
    if (!isUp) return 'hang up';
    return method === 'POST' ? { status: 202, headers: { location: '/upload' } } : { status: 200 };
  });
  await net.serve(plain, ({ method, url }) => {
    isUp = true;
    return method === 'POST' ? { status: 301, headers: { location: `${registry}${url}` } } : { status: 200 };
  });
  await client({ insecureHosts: new Set(['reg.example.com']) })
    .target('reg.example.com/a/b')
    .checkPushAccess(signal);
  const shown = net.visits.map(({ origin, method }) => `${method} ${origin}`);
  expect(shown).toEqual([
    `GET ${registry}`,
    `GET ${plain}`,
    `POST ${plain}`,
    `GET ${registry}`,
    `POST ${registry}`,
    `DELETE ${registry}`,
  ]);
});
