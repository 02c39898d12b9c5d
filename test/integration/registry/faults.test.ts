// The client against a registry that misbehaves on purpose: what is tried again, what is not, and that nothing that was
// stored is taken for lost.
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
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
const manifestBytes = Buffer.from('{"schemaVersion":2}');
const manifest = {
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  bytes: manifestBytes,
  digest: sha256(manifestBytes),
};

let opened = 0;
const blob = {
  digest,
  sizeBytes: bytes.length,
  open: (): Readable => {
    opened += 1;
    return Readable.from([bytes], { objectMode: false });
  },
};

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  opened = 0;
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(
  options: MemoryRegistryOptions = {},
  clientOptions: Parameters<typeof makeClient>[0] = {},
): Promise<{ readonly registry: MemoryRegistry; readonly test: TestClient }> {
  const registry = await startMemoryRegistry(options);
  ends.push(() => registry.stop());
  const test = makeClient({ credentials: passwordOf(memoryLogin.username, memoryLogin.password), ...clientOptions });
  ends.push(() => test.client.close());
  return { registry, test };
}

describe('a registry that is out of order for a while', () => {
  it.each([1, 3, 5])('is tried again after %i failures', async (failures) => {
    const { registry, test } = await start();
    for (let nth = 1; nth <= failures; nth += 1)
      registry.fail({ method: 'POST', kind: 'upload', nth, answer: { status: 503 } });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).toBe('uploaded');
    expect(registry.repository('a/b').blobs.get(digest)?.equals(bytes)).toBe(true);
    expect(test.waits).toEqual([250, 500, 1000, 2000, 4000].slice(0, failures));
    expect(test.lines).toHaveLength(failures);
    expect(test.lines[0]).toMatch(
      /^info: upload of sha256:\w{12} \(10 bytes\) to .*: 127.0.0.1:\d+ answered 503; repeat 1 of 5 in 0.3 s$/,
    );
  });

  it('is given up after six tries, with the count and what it said', async () => {
    const { registry, test } = await start();
    registry.fail({
      method: 'PUT',
      kind: 'manifest',
      answer: { status: 502, body: '<html><title>Bad\u001b[31m Gateway</title>' },
    });
    await expect(test.target(`${registry.host}/a/b`).putManifest(manifest, { tag: '1' }, signal)).rejects.toMatchObject(
      {
        code: 'unavailable',
        exitCode: 4,
        status: 502,
        attempts: 6,
        message: expect.stringMatching(/answered 502 \(6 tries in \d+ s\)/),
        details: ['registry said: "Bad [31m Gateway"'],
      },
    );
  });

  it('is not tried again when its error is an answer', async () => {
    const { registry, test } = await start();
    registry.fail({ method: 'POST', answer: { status: 500, body: '{"errors":[{"code":"DENIED","message":"no"}]}' } });
    await expect(test.target(`${registry.host}/a/b`).checkPushAccess(signal)).rejects.toMatchObject({
      status: 500,
      attempts: 1,
    });
  });

  it('closes the gate for everybody when it asks for patience', async () => {
    const { registry, test } = await start();
    registry.fail({ method: 'HEAD', kind: 'blob', nth: 1, answer: { status: 429, headers: { 'retry-after': '7' } } });
    expect(await test.target(`${registry.host}/a/b`).hasBlob(digest, signal)).toBe(false);
    expect(test.waits).toEqual([7000]);
  });

  it('is not waited for when it asks for too much', async () => {
    const { registry, test } = await start();
    registry.fail({ method: 'HEAD', kind: 'blob', answer: { status: 429, headers: { 'retry-after': '600' } } });
    await expect(test.target(`${registry.host}/a/b`).hasBlob(digest, signal)).rejects.toMatchObject({
      code: 'rate-limited',
      message: expect.stringContaining('to wait 600 s'),
    });
    expect(test.waits).toEqual([]);
  });

  it('is found by its ping when only the ping failed', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    registry.fail({ kind: 'ping', nth: 1, answer: { status: 500 } });
    registry.fail({ kind: 'token', nth: 1, answer: { status: 503 } });
    await test.target(`${registry.host}/a/b`).checkPushAccess(signal);
    expect(registry.counts()).toMatchObject({ 'GET ping': 2, 'GET token': 2 });
  });
});

describe('a connection that breaks', () => {
  it('costs nothing when it had been used before', async () => {
    const { registry, test } = await start();
    const repository = test.target(`${registry.host}/a/b`);
    await repository.hasBlob(digest, signal);
    registry.fail({ method: 'HEAD', kind: 'blob', nth: 1, answer: 'break' });
    expect(await repository.hasBlob(digest, signal)).toBe(false);
    expect(test.waits).toEqual([]);
  });

  it('leaves a blob that was stored in place', async () => {
    const { registry, test } = await start();
    registry.fail({ method: 'PUT', kind: 'upload', nth: 1, answer: 'break-after' });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).toBe('uploaded');
    expect(opened).toBe(1);
    expect(registry.counts()).toMatchObject({ 'POST upload': 1, 'PUT upload': 1, 'HEAD blob': 2 });
  });

  it('leaves a manifest that was stored in place', async () => {
    const { registry, test } = await start();
    registry.fail({ method: 'PUT', kind: 'manifest', nth: 1, answer: 'break-after' });
    const put = test.target(`${registry.host}/a/b`).putManifest(manifest, { tag: '1' }, signal);
    expect(await put).toEqual({ confirmedTags: ['1'] });
    expect(registry.counts()).toMatchObject({ 'PUT manifest': 1, 'HEAD manifest': 1 });
  });

  it('sends a blob again from its beginning', async () => {
    const { registry, test } = await start();
    registry.fail({ method: 'PUT', kind: 'upload', nth: 1, answer: { status: 500 } });
    registry.fail({ method: 'PUT', kind: 'upload', nth: 2, answer: 'break' });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).toBe('uploaded');
    expect(opened).toBe(3);
    expect(registry.repository('a/b').blobs.get(digest)?.equals(bytes)).toBe(true);
  });
});

describe('silence', () => {
  it('ends at the time limit', async () => {
    const { registry, test } = await start({}, { limits: { headersMs: 50, attempts: 2 } });
    registry.fail({ method: 'HEAD', answer: 'hang' });
    await expect(test.target(`${registry.host}/a/b`).hasBlob(digest, signal)).rejects.toMatchObject({
      code: 'stalled',
      exitCode: 6,
      attempts: 2,
    });
  });

  it('ends when the run is stopped', async () => {
    const { registry, test } = await start();
    registry.fail({ method: 'HEAD', answer: 'hang' });
    const stop = new AbortController();
    const waiting = test.target(`${registry.host}/a/b`).hasBlob(digest, stop.signal);
    const arrived = new Promise<void>((resolve) => {
      const look = (): void => void (registry.counts()['HEAD blob'] === 1 ? resolve() : setImmediate(look));
      look();
    });
    await arrived;
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
  });

  it('of our own side ends too', async () => {
    const { registry, test } = await start({}, { limits: { stuckBlobMs: 50, stalledUploadMs: 10 } });
    const open = (): Readable => new Readable({ read: () => undefined });
    const upload = test.target(`${registry.host}/a/b`).ensureBlob({ ...blob, open }, signal);
    await expect(upload).rejects.toMatchObject({ code: 'stalled', exitCode: 6 });
  });
});

describe('uploads', () => {
  it('begin anew when the registry forgot them, and say why in the end', async () => {
    const { registry, test } = await start();
    const forgotten = { status: 404, body: '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"unknown"}]}' };
    registry.fail({ method: 'PUT', kind: 'upload', answer: forgotten });
    await expect(test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).rejects.toMatchObject({
      code: 'upload-lost',
      hint: expect.stringContaining('shared secret'),
    });
    expect(registry.counts()).toMatchObject({ 'POST upload': 4, 'PUT upload': 4 });
  });

  it('are fine when somebody else was faster', async () => {
    const { registry, test } = await start();
    registry.fail({ method: 'PUT', kind: 'upload', answer: { status: 400 } });
    registry.fail({
      method: 'HEAD',
      kind: 'blob',
      nth: 2,
      answer: { status: 200, headers: { 'content-length': '10' } },
    });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).toBe('uploaded');
  });

  it('tell bytes that changed on the way from bytes that were wrong before', async () => {
    const { registry, test } = await start();
    registry.fail({
      method: 'PUT',
      kind: 'upload',
      answer: { status: 400, body: '{"errors":[{"code":"DIGEST_INVALID"}]}' },
    });
    const repository = test.target(`${registry.host}/a/b`);
    await expect(repository.ensureBlob(blob, signal)).rejects.toMatchObject({ code: 'upload-damaged', exitCode: 7 });
    expect(registry.counts()).toMatchObject({ 'PUT upload': 2 });
    const open = (): Readable => Readable.from([Buffer.from('other bytes'.slice(0, 10))], { objectMode: false });
    await expect(repository.ensureBlob({ ...blob, open }, signal)).rejects.toMatchObject({
      code: 'export-damaged',
      exitCode: 7,
    });
  });

  it('happen when a mount was promised and not kept', async () => {
    const { registry, test } = await start();
    registry.fail({ method: 'POST', kind: 'upload', nth: 1, answer: { status: 201 } });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob({ ...blob, mountFrom: 'c/d' }, signal)).toBe(
      'uploaded',
    );
  });

  it.each([400, 403, 500])('happen when a mount is answered with %i', async (status) => {
    const { registry, test } = await start();
    registry.fail({ method: 'POST', kind: 'upload', nth: 1, answer: { status } });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob({ ...blob, mountFrom: 'c/d' }, signal)).toBe(
      'uploaded',
    );
    expect(test.lines).toEqual([]);
  });

  it.each([400, 401, 403])('happen when the token server answers %i to a mount', async (status) => {
    const { registry, test } = await start({ auth: 'bearer' });
    registry.fail({ kind: 'token', nth: 2, answer: { status } });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob({ ...blob, mountFrom: 'c/d' }, signal)).toBe(
      'uploaded',
    );
    expect(registry.counts()).toMatchObject({ 'GET token': 2, 'POST upload': 1 });
  });

  it('are tried again when the token server is busy', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    registry.fail({ kind: 'token', nth: 2, answer: { status: 503 } });
    await test.target(`${registry.host}/a/b`).ensureBlob({ ...blob, mountFrom: 'c/d' }, signal);
    expect(test.lines).toHaveLength(1);
  });

  it.each(['/v2/a/b/blobs/uploads/1?_state=a b', '/v2/a/b/blobs/uploads/1?_state=\u00e9'])(
    'do not go to %s, which is no address',
    async (location) => {
      const { registry, test } = await start();
      registry.fail({ method: 'POST', kind: 'upload', answer: { status: 202, headers: { location } } });
      await expect(test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).rejects.toMatchObject({
        code: 'bad-location',
        exitCode: 4,
      });
    },
  );

  it('are made once for a blob that several ask for', async () => {
    const { registry, test } = await start();
    const repository = test.target(`${registry.host}/a/b`);
    const outcomes = await Promise.all([1, 2, 3].map(() => repository.ensureBlob(blob, signal)));
    expect(outcomes).toEqual(['uploaded', 'exists', 'exists']);
    expect(registry.counts()).toMatchObject({ 'HEAD blob': 1, 'PUT upload': 1 });
  });

  it('tell how far they are', async () => {
    const { registry, test } = await start();
    const sent: number[] = [];
    const onProgress = (sentBytes: number): void => void sent.push(sentBytes);
    await test.target(`${registry.host}/a/b`).ensureBlob({ ...blob, onProgress }, signal);
    expect(sent.at(-1)).toBe(bytes.length);
  });
});

describe('tokens', () => {
  it('that are missing from an answer are missed in one short line', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    const body = JSON.stringify({ Token: 'x', ['k'.repeat(10_000)]: 1 });
    registry.fail({ kind: 'token', answer: { status: 200, body } });
    const error: unknown = await test
      .target(`${registry.host}/a/b`)
      .checkPushAccess(signal)
      .catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'bad-token', message: expect.stringContaining('only with "Token, kkk') });
    expect(error instanceof Error && error.message.length).toBeLessThan(400);
  });

  it('that are to live for ever can still be handed to the daemon', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    registry.fail({ kind: 'token', answer: { status: 200, body: '{"token":"x","expires_in":1e30}' } });
    const request = { host: registry.host, realm: `${registry.url}/token`, service: 'memory', scopes: [] };
    const { expiresInSeconds } = await test.client.fetchToken(request, signal);
    expect(BigInt(expiresInSeconds)).toBeLessThan(2n ** 63n);
  });

  it('are shared by everything that a push does', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    const repository = test.target(`${registry.host}/a/b`);
    await Promise.all([
      repository.checkPushAccess(signal),
      repository.headManifest('1', signal),
      repository.headManifest('2', signal),
    ]);
    await repository.ensureBlob(blob, signal);
    await repository.putManifest(manifest, { tag: '1' }, signal);
    expect(registry.counts()).toMatchObject({ 'GET ping': 1, 'GET token': 1 });
    expect(test.secrets).toHaveLength(1);
  });

  it('are renewed when they expired', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    const repository = test.target(`${registry.host}/a/b`);
    await repository.ensureBlob(blob, signal);
    registry.expireTokens();
    expect(await repository.putManifest(manifest, { tag: '1' }, signal)).toEqual({ confirmedTags: ['1'] });
    expect(registry.counts()).toMatchObject({ 'GET token': 2, 'PUT manifest': 2 });
    expect(test.lines).toEqual([]);
  });

  it('are not renewed for a right that they would not grant either', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    const repository = test.target(`${registry.host}/a/b`);
    await repository.hasBlob(digest, signal);
    const scope = 'repository:a/b:pull,push';
    const challenge = `Bearer realm="${registry.url}/token",service="memory",scope="${scope}",error="insufficient_scope"`;
    registry.fail({ method: 'PUT', answer: { status: 401, headers: { 'www-authenticate': challenge } } });
    await expect(repository.putManifest(manifest, { tag: '1' }, signal)).rejects.toMatchObject({
      code: 'denied',
      exitCode: 3,
    });
    expect(registry.counts()).toMatchObject({ 'GET token': 1, 'PUT manifest': 1 });
  });

  it('are renewed once when the registry does not say why', async () => {
    const { registry, test } = await start({ auth: 'bearer' });
    const repository = test.target(`${registry.host}/a/b`);
    await repository.hasBlob(digest, signal);
    registry.fail({ method: 'PUT', answer: { status: 401 } });
    await expect(repository.putManifest(manifest, { tag: '1' }, signal)).rejects.toMatchObject({
      code: 'denied',
      exitCode: 3,
    });
    expect(registry.counts()).toMatchObject({ 'GET token': 2, 'PUT manifest': 2 });
  });

  it('are renewed before they expire', async () => {
    const { registry, test } = await start({ auth: 'bearer', tokenLifeSeconds: 100 });
    const repository = test.target(`${registry.host}/a/b`);
    await repository.hasBlob(digest, signal);
    registry.fail({ method: 'HEAD', nth: 1, answer: { status: 503, headers: { 'retry-after': '80' } } });
    await repository.hasBlob(digest, signal);
    expect(registry.counts()).toMatchObject({ 'GET token': 2 });
  });

  it('are asked for anonymously without a login, and that is not enough to push', async () => {
    const { registry, test } = await start(
      { auth: 'bearer' },
      { credentials: { searched: 'nowhere', find: async () => undefined } },
    );
    expect(await test.source(`${registry.host}/a/b`).headManifest('1', signal)).toBeUndefined();
    await expect(test.target(`${registry.host}/a/b`).checkPushAccess(signal)).rejects.toMatchObject({
      code: 'credentials-missing',
      exitCode: 3,
    });
    expect(registry.requests().filter(({ authorization }) => authorization.startsWith('Basic'))).toEqual([]);
  });
});

describe('several tags in one request', () => {
  it.each([
    [true, ['1', 'latest']],
    [false, []],
  ])('are confirmed only by the echo (%s)', async (echoTags, confirmedTags) => {
    const { registry, test } = await start({ echoTags });
    const target = { digest: manifest.digest, tags: ['1', 'latest'] };
    expect(await test.target(`${registry.host}/a/b`).putManifest(manifest, target, signal)).toEqual({ confirmedTags });
    expect([...registry.repository('a/b').tags.keys()]).toEqual(confirmedTags);
    expect(registry.requests().at(-1)?.query).toBe('?tag=1&tag=latest');
  });
});

describe('manifests', () => {
  it.each([
    [
      'another digest in the header',
      { 'docker-content-digest': sha256(Buffer.from('other')), 'content-type': 'x/y', 'content-length': '1' },
    ],
  ])('are not believed with %s', async (_, headers) => {
    const { registry, test } = await start();
    registry.fail({ kind: 'manifest', answer: { status: 200, headers } });
    await expect(test.source(`${registry.host}/a/b`).headManifest(manifest.digest, signal)).rejects.toMatchObject({
      code: 'integrity',
      exitCode: 7,
    });
  });

  it('are not believed when their bytes are others', async () => {
    const { registry, test } = await start();
    registry.fail({ kind: 'manifest', answer: { status: 200, body: '{"forged":true}' } });
    await expect(test.source(`${registry.host}/a/b`).getManifest(manifest.digest, signal)).rejects.toMatchObject({
      exitCode: 7,
    });
  });

  it('are read whole where HEAD does not tell their digest', async () => {
    const { registry, test } = await start();
    await test.target(`${registry.host}/a/b`).putManifest(manifest, { tag: '1' }, signal);
    registry.fail({ method: 'HEAD', answer: { status: 405 } });
    expect(await test.source(`${registry.host}/a/b`).headManifest('1', signal)).toEqual({
      digest: manifest.digest,
      mediaType: manifest.mediaType,
      sizeBytes: manifest.bytes.length,
    });
  });

  it('are limited to 4 MiB', async () => {
    const { registry, test } = await start();
    registry.fail({ kind: 'manifest', answer: { status: 200, body: 'x'.repeat(5 * 1024 * 1024) } });
    await expect(test.source(`${registry.host}/a/b`).getManifest('1', signal)).rejects.toMatchObject({
      message: expect.stringContaining('more than 4 MiB'),
    });
  });

  it.each([
    [400, 'MANIFEST_INVALID', 'schema', 'manifest-rejected', 4],
    [400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown', 'blob-lost', 4],
    [400, 'NAME_INVALID', 'invalid', 'name-rejected', 2],
    [404, 'NAME_UNKNOWN', 'no such repository', 'repository-missing', 4],
    [403, 'DENIED', 'no', 'denied', 3],
    [405, 'UNSUPPORTED', 'no', 'unsupported', 4],
    [413, 'TOO_BIG', 'no', 'too-large', 4],
  ])('are refused with %i %s: %s', async (status, code, message, expected, exitCode) => {
    const { registry, test } = await start();
    registry.fail({ method: 'PUT', answer: { status, body: JSON.stringify({ errors: [{ code, message }] }) } });
    await expect(test.target(`${registry.host}/a/b`).putManifest(manifest, { tag: '1' }, signal)).rejects.toMatchObject(
      {
        code: expected,
        exitCode,
        status,
        registryCode: code,
        details: [`registry said: ${JSON.stringify(message)}`],
      },
    );
    expect(registry.counts()).toEqual({ 'GET ping': 1, 'PUT manifest': 1 });
  });
});

describe('what is no registry', () => {
  it('is told from one', async () => {
    const { registry, test } = await start();
    registry.fail({ kind: 'ping', answer: { status: 404, body: '<html><title>Welcome to nginx</title></html>' } });
    await expect(test.target(`${registry.host}/a/b`).checkPushAccess(signal)).rejects.toMatchObject({
      code: 'not-a-registry',
      exitCode: 2,
      message: expect.stringContaining('Welcome to nginx'),
    });
  });

  it('is tried twice when nobody listens', async () => {
    const { test } = await start();
    await expect(test.target('127.0.0.1:1/a/b').checkPushAccess(signal)).rejects.toMatchObject({
      code: 'unreachable',
      exitCode: 4,
      attempts: 2,
      message: 'push to 127.0.0.1:1/a/b: 127.0.0.1:1 cannot be reached: nothing listens there (2 tries in 0 s)',
    });
  });
});
