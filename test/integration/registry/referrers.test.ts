// What refers to a manifest: by the API where the registry has it, else by the list under a tag, which we keep ourselves.
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { type MemoryRegistry, startMemoryRegistry } from '../../support/memory-registry.ts';
import { makeClient, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

function manifestOf(json: object) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...json }));
  return { mediaType, bytes, digest: sha256(bytes) };
}

const image = manifestOf({ annotations: { name: 'image' } });
const subject = { mediaType, digest: image.digest, size: image.bytes.length };
const signature = manifestOf({ subject, artifactType: 'application/x.signature', annotations: { by: 'ci' } });
const contents = manifestOf({ subject, config: { mediaType: 'application/x.contents' } });
const listTag = image.digest.replace(':', '-');

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(): Promise<{ readonly registry: MemoryRegistry; readonly test: TestClient }> {
  const registry = await startMemoryRegistry();
  ends.push(() => registry.stop());
  const test = makeClient();
  ends.push(() => test.client.close());
  return { registry, test };
}

function descriptorOf({ digest, bytes }: typeof image, rest: object) {
  return { mediaType, digest, size: bytes.length, ...rest };
}

describe('a registry without the API', () => {
  it('gets the list under its tag, and is asked about the API once', async () => {
    const { registry, test } = await start();
    const repository = test.target(`${registry.host}/a/b`);
    await repository.putManifest(image, { tag: '1' }, signal);
    expect(await repository.listReferrers(image.digest, signal)).toEqual([]);
    await Promise.all(
      [signature, contents, signature].map((manifest) =>
        repository.putManifest(manifest, { digest: manifest.digest }, signal),
      ),
    );
    const stored = registry.repository('a/b');
    const list = stored.manifests.get(stored.tags.get(listTag) ?? '');
    expect(list?.mediaType).toBe(indexType);
    expect(JSON.parse(String(list?.bytes))).toEqual({
      schemaVersion: 2,
      mediaType: indexType,
      manifests: [
        descriptorOf(signature, { artifactType: 'application/x.signature', annotations: { by: 'ci' } }),
        descriptorOf(contents, { artifactType: 'application/x.contents' }),
      ],
    });
    expect(await repository.listReferrers(image.digest, signal)).toMatchObject([
      { digest: signature.digest, sizeBytes: signature.bytes.length, artifactType: 'application/x.signature' },
      { digest: contents.digest, mediaType },
    ]);
    expect(registry.requests().filter(({ path }) => path.includes('/referrers/'))).toHaveLength(1);
  });

  it.each([303, 400, 404, 501])('may answer %i', async (status) => {
    const { registry, test } = await start();
    registry.fail({ path: /referrers/, answer: { status, headers: { location: 'https://web.example/' } } });
    const repository = test.target(`${registry.host}/a/b`);
    await repository.putManifest(signature, { digest: signature.digest }, signal);
    expect(registry.repository('a/b').tags.has(listTag)).toBe(true);
  });

  it('may answer with a web page', async () => {
    const { registry, test } = await start();
    registry.fail({ path: /referrers/, answer: { status: 200, body: '<html></html>' } });
    expect(await test.source(`${registry.host}/a/b`).listReferrers(image.digest, signal)).toEqual([]);
  });

  it('may not let the list be changed, which is a warning', async () => {
    const { registry, test } = await start();
    const body = '{"errors":[{"code":"TAG_INVALID","message":"cannot be overwritten"}]}';
    registry.fail({ method: 'PUT', path: /manifests\/sha256-/, answer: { status: 400, body } });
    const repository = test.target(`${registry.host}/a/b`);
    await repository.putManifest(signature, { digest: signature.digest }, signal);
    expect(registry.repository('a/b').manifests.has(signature.digest)).toBe(true);
    expect(test.lines).toEqual([expect.stringMatching(/^warn: sha256:.* is in .*\/a\/b, but .* may not be moved$/)]);
  });

  it('keeps what others wrote into the list', async () => {
    const { registry, test } = await start();
    const stored = registry.repository('a/b');
    const other = { mediaType, digest: sha256(Buffer.from('other')), size: 5 };
    const old = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [other], annotations: { kept: 'yes' } }));
    stored.manifests.set(sha256(old), { mediaType: indexType, bytes: old });
    stored.tags.set(listTag, sha256(old));
    const repository = test.target(`${registry.host}/a/b`);
    await repository.putManifest(signature, { digest: signature.digest }, signal);
    const list = stored.manifests.get(stored.tags.get(listTag) ?? '');
    expect(JSON.parse(String(list?.bytes))).toMatchObject({
      manifests: [other, { digest: signature.digest }],
      annotations: { kept: 'yes' },
    });
  });
});

describe('a registry with the API', () => {
  it('that has noticed the subject is not asked', async () => {
    const { registry, test } = await start();
    const headers = { 'oci-subject': image.digest };
    registry.fail({ method: 'PUT', kind: 'manifest', answer: { status: 201, headers } });
    await test.target(`${registry.host}/a/b`).putManifest(signature, { digest: signature.digest }, signal);
    expect(registry.counts()).toEqual({ 'GET ping': 1, 'PUT manifest': 1 });
  });

  it('is read page by page', async () => {
    const { registry, test } = await start();
    const page = (name: string, link: Record<string, string>) => ({
      status: 200,
      headers: { 'content-type': indexType, 'oci-filters-applied': 'artifactType', ...link },
      body: JSON.stringify({ manifests: [{ mediaType, digest: sha256(Buffer.from(name)), size: 1 }, { digest: 'x' }] }),
    });
    const link = `<https://elsewhere.example/v2/a/b/referrers/${image.digest}?last=x>; rel="next"`;
    registry.fail({ path: /referrers/, nth: 1, answer: page('one', { link }) });
    registry.fail({ path: /referrers/, nth: 2, answer: page('two', {}) });
    const found = await test.source(`${registry.host}/a/b`).listReferrers(image.digest, signal);
    expect(found.map(({ digest }) => digest)).toEqual(['one', 'two'].map((name) => sha256(Buffer.from(name))));
    const asked = registry.requests().filter(({ path }) => path.includes('referrers'));
    expect(asked.map(({ query }) => query)).toEqual(['', '?last=x']);
  });

  it.each([
    ['not there', { status: 404 }, 'not-found'],
    ['a web page', { status: 200, body: '<html></html>' }, 'bad-list'],
    ['cut', { status: 200, body: `{"manifests":[]${' '.repeat(4 * 1024 * 1024)}}` }, 'bad-list'],
  ])('fails when a later page is %s, so that no signature is overlooked', async (_, answer, code) => {
    const { registry, test } = await start();
    const body = JSON.stringify({ manifests: [{ mediaType, digest: sha256(Buffer.from('one')), size: 1 }] });
    const headers = { link: `</v2/a/b/referrers/${image.digest}?last=x>; rel="next"` };
    registry.fail({ path: /referrers/, nth: 1, answer: { status: 200, headers, body } });
    registry.fail({ path: /referrers/, nth: 2, answer });
    const listing = test.source(`${registry.host}/a/b`).listReferrers(image.digest, signal);
    await expect(listing).rejects.toMatchObject({ code });
  });

  it('fails when its first page is too large to be read', async () => {
    const { registry, test } = await start();
    const body = `{"manifests":[]${' '.repeat(4 * 1024 * 1024)}}`;
    registry.fail({ path: /referrers/, answer: { status: 200, body } });
    const listing = test.source(`${registry.host}/a/b`).listReferrers(image.digest, signal);
    await expect(listing).rejects.toMatchObject({ code: 'bad-list' });
  });

  it('is tried again when it is out of order', async () => {
    const { registry, test } = await start();
    registry.fail({ path: /referrers/, nth: 1, answer: { status: 503 } });
    registry.fail({ path: /referrers/, nth: 2, answer: { status: 200, body: '{"manifests":[]}' } });
    expect(await test.source(`${registry.host}/a/b`).listReferrers(image.digest, signal)).toEqual([]);
    expect(test.lines).toHaveLength(1);
  });
});
