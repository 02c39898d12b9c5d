// What registries want of uploads, and what becomes of one that is refused, lost or misunderstood. The registry in memory takes
// the habits of known ones; what a byte on a socket does is in upload-trouble.test.ts.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { type MemoryRegistry, type MemoryRegistryOptions, startMemoryRegistry } from '../../support/memory-registry.ts';
import { personalities } from '../../support/memory-uploads.ts';
import { blobOf, makeClient, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const mebibyte = 1024 * 1024;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(
  options: MemoryRegistryOptions = {},
  clientOptions: Parameters<typeof makeClient>[0] = {},
): Promise<{ readonly registry: MemoryRegistry; readonly test: TestClient }> {
  const registry = await startMemoryRegistry(options);
  ends.push(() => registry.stop());
  const test = makeClient(clientOptions);
  ends.push(() => test.client.close());
  return { registry, test };
}

const small = randomBytes(2000);
const uploads = (registry: MemoryRegistry): readonly string[] =>
  registry.requests().flatMap(({ method, kind, status }) => (kind === 'ping' ? [] : [`${method} ${kind} ${status}`]));
const usual = ['HEAD blob 404', 'POST upload 202', 'PUT upload 201'];

describe('a new blob', () => {
  it.each<readonly [string, MemoryRegistryOptions, readonly string[]]>([
    ['GHCR', personalities.ghcr, usual],
    ['ECR', personalities.ecr, usual],
    ['Harbor', personalities.harbor, usual],
    ['Quay', personalities.quay, usual],
    ['Nexus', personalities.nexus, usual],
    ['Artifactory', personalities.artifactory, ['HEAD blob 403', 'POST upload 202', 'PUT upload 201']],
  ])('costs three requests at %s', async (_, habits, expected) => {
    const { registry, test } = await start(habits);
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blobOf(small), signal)).toBe('uploaded');
    expect(uploads(registry)).toEqual(expected);
    expect(registry.repository('a/b').blobs.get(sha256(small))?.equals(small)).toBe(true);
  });

  it('without any bytes is one too', async () => {
    const { registry, test } = await start();
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blobOf(Buffer.alloc(0)), signal)).toBe('uploaded');
    expect(uploads(registry)).toEqual(usual);
  });
});

it('a redirect to the same place by another scheme does not say that a blob is there', async () => {
  const { registry, test } = await start();
  const path = `/v2/a/b/blobs/${sha256(small)}`;
  const headers = { location: `https://${registry.host}${path}` };
  registry.fail({ method: 'HEAD', answer: { status: 308, headers } });
  expect(await test.target(`${registry.host}/a/b`).ensureBlob(blobOf(small), signal)).toBe('uploaded');
});

it('what the address of an upload holds is a secret, but for its digest', async () => {
  const { registry, test } = await start();
  const query = `_state=0123456789abcd%2Bef&n=1000&digest=${encodeURIComponent(sha256(small))}`;
  const location = `/v2/a/b/blobs/uploads/1?${query}`;
  registry.fail({ method: 'POST', nth: 1, answer: { status: 202, headers: { location } } });
  expect(await test.target(`${registry.host}/a/b`).ensureBlob(blobOf(small), signal)).toBe('uploaded');
  expect(test.secrets).toEqual(['0123456789abcd%2Bef', '0123456789abcd+ef']);
});

describe('a blob of another repository', () => {
  const mounting = async (
    habits: MemoryRegistryOptions,
    prepare: (registry: MemoryRegistry) => void = () => undefined,
  ) => {
    const { registry, test } = await start(habits);
    registry.repository('c/d').blobs.set(sha256(small), small);
    prepare(registry);
    const outcome = await test
      .target(`${registry.host}/a/b`)
      .ensureBlob({ ...blobOf(small), mountFrom: 'c/d' }, signal);
    expect(registry.repository('a/b').blobs.has(sha256(small))).toBe(true);
    return { outcome, requests: uploads(registry), lines: test.lines };
  };
  const refer = (registry: MemoryRegistry): void => {
    const bytes = Buffer.from(JSON.stringify({ layers: [{ digest: sha256(small) }] }));
    registry.repository('c/d').manifests.set(sha256(bytes), { mediaType: 'x/y', bytes });
  };

  it.each<readonly [string, MemoryRegistryOptions, string, readonly string[]]>([
    ['is mounted', {}, 'mounted', ['HEAD blob 404', 'POST upload 201', 'HEAD blob 200']],
    ['is mounted by its source', personalities.quay, 'mounted', ['HEAD blob 404', 'POST upload 201', 'HEAD blob 200']],
    [
      'goes to the upload that is opened instead',
      personalities.artifactory,
      'uploaded',
      ['HEAD blob 403', ...usual.slice(1)],
    ],
    ['is not referred to, and goes to the upload', personalities.ecr, 'uploaded', usual],
    [
      'is sent when it is not there in spite of a yes',
      { mounts: 'forged' },
      'uploaded',
      ['HEAD blob 404', 'POST upload 201', 'HEAD blob 404', 'POST upload 202', 'PUT upload 201'],
    ],
  ])('%s', async (_, habits, expected, requests) => {
    expect(await mounting(habits)).toEqual({ outcome: expected, requests, lines: [] });
  });

  it('is mounted once a manifest names it', async () => {
    expect((await mounting(personalities.ecr, refer)).outcome).toBe('mounted');
  });

  it.each([400, 401, 403, 404, 405, 500, 502])('is sent at once when a mount is answered with %i', async (status) => {
    const { outcome, requests } = await mounting({}, (registry) =>
      registry.fail({ method: 'POST', nth: 1, answer: { status } }),
    );
    expect(outcome).toBe('uploaded');
    expect(requests).toEqual(['HEAD blob 404', `POST upload ${status}`, ...usual.slice(1)]);
  });

  it('waits as long as the registry asks for', async () => {
    const { outcome, lines } = await mounting({}, (registry) =>
      registry.fail({ method: 'POST', nth: 1, answer: { status: 429, headers: { 'retry-after': '7' } } }),
    );
    expect(outcome).toBe('mounted');
    expect(lines).toEqual([expect.stringContaining('answered 429; repeat 1 of 5 in 7.0 s')]);
  });

  it.each(['break', 'break-after', { status: 429 }] as const)('is sent when mounts never work (%j)', async (answer) => {
    const { registry, test } = await start();
    registry.fail({ method: 'POST', nth: 1, answer });
    registry.fail({ method: 'POST', nth: 2, answer });
    const blob = { ...blobOf(small), mountFrom: 'c/d' };
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blob, signal)).toBe('uploaded');
  });
});

describe('the body of a blob', () => {
  const large = randomBytes(9 * mebibyte);

  it('goes in a PATCH where a PUT may not carry it, and so do those that follow', async () => {
    const { registry, test } = await start({ bodies: 'PATCH' });
    const repository = test.target(`${registry.host}/a/b`);
    expect(await repository.ensureBlob(blobOf(small), signal)).toBe('uploaded');
    expect(await repository.ensureBlob(blobOf(randomBytes(3000)), signal)).toBe('uploaded');
    const later = ['HEAD blob 404', 'POST upload 202', 'PATCH upload 202', 'PUT upload 201'];
    expect(uploads(registry)).toEqual([
      ...usual.slice(0, 2),
      'PUT upload 405',
      'HEAD blob 404',
      ...later.slice(1),
      ...later,
    ]);
    expect(test.lines).toEqual([expect.stringMatching(/answered 405 to one PUT; sent in one PATCH instead$/)]);
  });

  it('goes in smaller chunks where the asked ones are too large', async () => {
    const { registry, test } = await start(personalities.ghcr, { uploadChunkBytes: 6 * mebibyte });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blobOf(large), signal)).toBe('uploaded');
    expect(registry.repository('a/b').blobs.get(sha256(large))?.equals(large)).toBe(true);
    const sizes = registry
      .requests()
      .flatMap(({ method, bodyBytes }) => (method === 'PATCH' ? [bodyBytes / mebibyte] : []));
    expect(sizes).toEqual([6, 4, 4]);
  });

  it('is there when an odd yes was meant', async () => {
    const { registry, test } = await start({ created: 202 });
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blobOf(small), signal)).toBe('uploaded');
    expect(uploads(registry)).toEqual([...usual.slice(0, 2), 'PUT upload 202', 'HEAD blob 200']);
  });

  it.each([200, 202, 204, 206])('is not taken for stored by %i alone', async (status) => {
    const { registry, test } = await start();
    registry.fail({ method: 'PUT', kind: 'upload', answer: { status, body: '<html>welcome</html>' } });
    await expect(test.target(`${registry.host}/a/b`).ensureBlob(blobOf(small), signal)).rejects.toMatchObject({
      code: 'upload-lost',
      exitCode: 4,
      message: expect.stringContaining(`answered ${status} and does not have it`),
    });
  });

  it.each([400, 403, 404, 409, 412])('is fine when another had sent it and ours gets %i', async (status) => {
    const { registry, test } = await start({ known: status });
    // What a race looks like from here: absent when we look, there when we come.
    registry.fail({ method: 'HEAD', kind: 'blob', nth: 1, answer: { status: 404 } });
    registry.repository('a/b').blobs.set(sha256(small), small);
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blobOf(small), signal)).toBe('uploaded');
    expect(uploads(registry)).toEqual([...usual.slice(0, 2), `PUT upload ${status}`, 'HEAD blob 200']);
  });

  it('is blamed on us when it is shorter than it was', async () => {
    const { registry, test } = await start();
    const open = (): Readable => Readable.from([small.subarray(1)], { objectMode: false });
    const upload = test.target(`${registry.host}/a/b`).ensureBlob({ ...blobOf(small), open }, signal);
    await expect(upload).rejects.toMatchObject({ code: 'export-damaged', exitCode: 7 });
  });

  it('has no place to go to without a Location', async () => {
    const { registry, test } = await start({ location: 'none' });
    await expect(test.target(`${registry.host}/a/b`).ensureBlob(blobOf(small), signal)).rejects.toMatchObject({
      code: 'bad-location',
      exitCode: 4,
      message: expect.stringContaining('it does not say where to'),
    });
  });

  it('stays where it is when the Location of the next chunk is not said again', async () => {
    const { registry, test } = await start({}, { uploadChunkBytes: 1000 });
    registry.fail({ method: 'PATCH', nth: 1, answer: { status: 202 } });
    // This one has kept nothing of it, so the digest tells.
    expect(await test.target(`${registry.host}/a/b`).ensureBlob(blobOf(small), signal)).toBe('uploaded');
  });
});

describe('a blob that a registry has lost', () => {
  it('is sent again although the registry says that it is there', async () => {
    const { registry, test } = await start();
    const repository = test.target(`${registry.host}/a/b`);
    await repository.ensureBlob(blobOf(small), signal);
    expect(await repository.ensureBlob(blobOf(small), signal)).toBe('exists');
    registry.forget();
    const again = [1, 2].map(() => repository.ensureBlob({ ...blobOf(small), isLost: true, mountFrom: 'c/d' }, signal));
    expect(await Promise.all(again)).toEqual(['uploaded', 'exists']);
    expect(uploads(registry)).toEqual(usual.slice(1));
    expect(await repository.ensureBlob({ ...blobOf(small), isLost: true }, signal)).toBe('uploaded');
  });
});

describe('uploads that came to nothing', () => {
  it.each([
    ['a refused body', { method: 'PUT', kind: 'upload', answer: { status: 403 } }],
    ['a registry that is out of order', { method: 'PUT', kind: 'upload', answer: { status: 502 } }],
    ['a lost answer', { method: 'PUT', kind: 'upload', nth: 1, answer: 'break' }],
  ] as const)('are cancelled after %s', async (_, fault) => {
    const { registry, test } = await start();
    registry.fail(fault);
    const repository = test.target(`${registry.host}/a/b`);
    await repository.ensureBlob(blobOf(small), signal).catch(() => undefined);
    await repository.abandonUploads();
    expect(registry.openUploads()).toBe(0);
  });

  it('are left alone where nobody may cancel', async () => {
    const { registry, test } = await start(personalities.quay);
    await test.target(`${registry.host}/a/b`).checkPushAccess(signal);
    expect(registry.counts()).toMatchObject({ 'POST upload': 1, 'DELETE upload': 1 });
    expect(test.lines).toEqual([]);
  });
});
