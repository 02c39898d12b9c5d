// One signature in one repository: what is kept of others, and what happens when somebody signs at the same moment.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { signDigest } from '../../../src/signing/sign-digest.ts';
import { openSigningKey, type SigningKey } from '../../../src/signing/signing-key.ts';
import { signImage } from '../../../src/signing/sign-image.ts';
import { manifestOf, MemoryRepository } from '../publish/memory-repository.ts';

const digest = sha256(Buffer.from('the image'));
const tag = `${digest.replace(':', '-')}.sig`;
const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const signature = 'dev.cosignproject.cosign/signature';
const silent = { info: () => undefined, warn: () => undefined, debug: () => undefined };
const never = new AbortController().signal;

async function newKey(): Promise<SigningKey> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return await openSigningKey({
    pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    password: undefined,
  });
}

function signIn(repository: MemoryRepository, key: SigningKey, annotations: readonly [string, string][] = []) {
  const target = { address: { domain: 'registry.test', path: 'app' }, repository };
  return signDigest({ target, digest, key, annotations: new Map(annotations), log: silent, waitMs: 0 }, never);
}

interface StoredList {
  readonly config: { readonly digest: string; readonly mediaType: string; readonly size: number };
  readonly layers: readonly { readonly digest: string; readonly annotations: Readonly<Record<string, string>> }[];
  readonly [field: string]: unknown;
}

function listIn(repository: MemoryRepository): StoredList {
  const manifest = repository.manifests.get(repository.tags.get(tag) ?? '');
  return JSON.parse(Buffer.from(manifest?.bytes ?? '').toString()) as StoredList;
}

/** How many signatures of a list are valid ones of a key. */
function countOf(key: SigningKey, repository: MemoryRepository): number {
  return listIn(repository).layers.filter(({ digest: payload, annotations }) => {
    const bytes = repository.blobs.get(payload) ?? new Uint8Array();
    return key.verifies(bytes, Buffer.from(annotations[signature] ?? '', 'base64'));
  }).length;
}

describe('the first signature', () => {
  it('is stored as cosign stores it, with its blobs before the manifest', async () => {
    const repository = new MemoryRepository();
    const key = await newKey();
    expect(await signIn(repository, key)).toBe('added');
    const list = listIn(repository);
    const [layer] = list.layers;
    expect(list).toEqual({
      schemaVersion: 2,
      mediaType: ociManifest,
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        size: 233,
        digest: expect.any(String) as string,
      },
      layers: [
        {
          mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
          size: expect.any(Number) as number,
          digest: layer?.digest,
          annotations: { [signature]: expect.any(String) as string },
        },
      ],
    });
    // The config that cosign 2.5.0 wrote, but for the digest of the payload.
    expect(Buffer.from(repository.blobs.get(list.config.digest) ?? '').toString()).toBe(
      `{"architecture":"","created":"0001-01-01T00:00:00Z","history":[{"created":"0001-01-01T00:00:00Z"}],"os":"","rootfs":{"type":"layers","diff_ids":["${layer?.digest ?? ''}"]},"config":{}}`,
    );
    expect(countOf(key, repository)).toBe(1);
    expect(repository.requests.filter((request) => /^(ensure|PUT)/.test(request))).toEqual([
      `ensure ${layer?.digest ?? ''}`,
      `ensure ${list.config.digest}`,
      `PUT ${tag}`,
    ]);
  });

  it('is not made twice for the same claim, but is for another', async () => {
    const repository = new MemoryRepository();
    const key = await newKey();
    expect(await signIn(repository, key)).toBe('added');
    repository.requests.length = 0;
    expect(await signIn(repository, key)).toBe('unchanged');
    expect(repository.requests).toEqual([`GET ${tag}`]);
    expect(await signIn(repository, key, [['build', '7']])).toBe('added');
    expect(await signIn(repository, key, [['build', '7']])).toBe('unchanged');
    expect(countOf(key, repository)).toBe(2);
  });

  it('is not taken for ours when another key signed the same claim', async () => {
    const repository = new MemoryRepository();
    const [theirs, ours] = [await newKey(), await newKey()];
    await signIn(repository, theirs);
    expect(await signIn(repository, ours)).toBe('added');
    expect([countOf(theirs, repository), countOf(ours, repository)]).toEqual([1, 1]);
  });
});

describe('signatures of others', () => {
  const layer = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    size: 3,
    digest: sha256(Buffer.from('abc')),
    annotations: {
      [signature]: 'AAAA',
      'dev.sigstore.cosign/bundle': '{"x":1}',
      'dev.sigstore.cosign/certificate': 'pem',
    },
    further: ['field'],
  };

  it('stay as they are, with what the list and its config say beside', async () => {
    const repository = new MemoryRepository();
    const config = Buffer.from(
      '{"created":"2026-01-02T03:04:05Z","history":[{"created":"2026-01-02T03:04:05Z"}],"author":"x"}',
    );
    repository.blobs.set(sha256(config), config);
    const others = { annotations: { team: 'core' }, subject: { mediaType: ociManifest, digest, size: 7 } };
    const described = { mediaType: 'application/vnd.docker.container.image.v1+json', digest: sha256(config), size: 99 };
    const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
    const before = { schemaVersion: 2, mediaType, config: described, layers: [layer], ...others };
    repository.seed(tag, manifestOf(before, mediaType));
    expect(await signIn(repository, await newKey())).toBe('added');

    const after = listIn(repository);
    expect(after).toMatchObject({ schemaVersion: 2, mediaType, ...others });
    expect(after.layers[0]).toEqual(layer);
    expect(after.layers).toHaveLength(2);
    expect(after.config.mediaType).toBe(described.mediaType);
    expect(repository.manifests.get(repository.tags.get(tag) ?? '')?.mediaType).toBe(mediaType);
    const written = JSON.parse(Buffer.from(repository.blobs.get(after.config.digest) ?? '').toString()) as object;
    expect(written).toEqual({
      created: '2026-01-02T03:04:05Z',
      author: 'x',
      history: [{ created: '2026-01-02T03:04:05Z' }, { created: '0001-01-01T00:00:00Z' }],
      rootfs: { type: 'layers', diff_ids: after.layers.map(({ digest: each }) => each) },
    });
  });

  it('stay when their config cannot be read', async () => {
    const repository = new MemoryRepository();
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 1 };
    repository.seed(
      tag,
      manifestOf({ schemaVersion: 2, mediaType: ociManifest, config, layers: [layer] }, ociManifest),
    );
    expect(await signIn(repository, await newKey())).toBe('added');
    expect(listIn(repository).layers[0]).toEqual(layer);
  });

  it.each([
    ['an index', manifestOf({ schemaVersion: 2, manifests: [] }, 'application/vnd.oci.image.index.v1+json')],
    ['no list of layers', manifestOf({ schemaVersion: 2, layers: 'x' }, ociManifest)],
    ['layers without digests', manifestOf({ schemaVersion: 2, layers: [{ size: 1 }] }, ociManifest)],
    ['no JSON', { mediaType: ociManifest, digest, bytes: Buffer.from('{') }],
  ])('are not looked for in %s, which is left alone', async (_, manifest) => {
    const repository = new MemoryRepository();
    repository.seed(tag, manifest);
    await expect(signIn(repository, await newKey())).rejects.toThrow(
      `read the signatures at registry.test/app:${tag}: it holds something else`,
    );
    expect(repository.tags.get(tag)).toBe(manifest.digest);
  });
});

describe('somebody who signs at the same moment', () => {
  /** Another signer's whole work, done within one request of ours. */
  async function otherSigner(key: SigningKey): Promise<(repository: MemoryRepository) => void> {
    const own = new MemoryRepository();
    await signIn(own, key);
    const manifest = own.manifests.get(own.tags.get(tag) ?? '');
    if (manifest === undefined) throw new Error('the other signer has written nothing');
    return (repository) => {
      for (const [name, bytes] of own.blobs) repository.blobs.set(name, bytes);
      repository.seed(tag, manifest);
    };
  }

  it('between our look and our write is noticed before the write, and built upon', async () => {
    const repository = new MemoryRepository();
    const [theirs, ours] = [await newKey(), await newKey()];
    const interfere = await otherSigner(theirs);
    let isFirst = true;
    repository.fault = (request) => {
      if (request === `HEAD ${tag}` && isFirst) {
        isFirst = false;
        interfere(repository);
      }
      return undefined;
    };
    expect(await signIn(repository, ours)).toBe('added');
    expect([countOf(theirs, repository), countOf(ours, repository)]).toEqual([1, 1]);
  });

  it('and writes over ours is noticed by reading it back, and built upon', async () => {
    const repository = new MemoryRepository();
    const [theirs, ours] = [await newKey(), await newKey()];
    const interfere = await otherSigner(theirs);
    let writes = 0;
    repository.fault = (request) => {
      // The first look after our first write.
      if (request === `GET ${tag}` && writes === 1) {
        writes = 2;
        interfere(repository);
      } else if (request === `PUT ${tag}`) writes += 1;
      return undefined;
    };
    expect(await signIn(repository, ours)).toBe('added');
    expect([countOf(theirs, repository), countOf(ours, repository)]).toEqual([1, 1]);
  });

  it('again and again ends in an error that says so', async () => {
    const repository = new MemoryRepository();
    const interfere = await otherSigner(await newKey());
    repository.fault = (request) => {
      if (request === `GET ${tag}`) interfere(repository);
      return undefined;
    };
    await expect(signIn(repository, await newKey())).rejects.toMatchObject({ code: 'signature-not-kept', exitCode: 4 });
    expect(repository.requests.filter((request) => request === `PUT ${tag}`)).toHaveLength(5);
  });

  it('is no matter of a replica that lags: the very same list is written again', async () => {
    const repository = new MemoryRepository();
    const ours = await newKey();
    const fresh = repository.putManifest.bind(repository);
    let writes = 0;
    // The first write is not seen at once.
    repository.putManifest = async (manifest, target) => {
      writes += 1;
      return writes === 1 ? { confirmedTags: [] } : await fresh(manifest, target);
    };
    expect(await signIn(repository, ours)).toBe('added');
    expect(countOf(ours, repository)).toBe(1);
    expect(writes).toBe(2);
  });
});

describe('an image', () => {
  const index = (...children: readonly string[]) =>
    manifestOf({ schemaVersion: 2, manifests: children.map((child) => ({ digest: child })) }, 'index');

  it('is signed with all that its index holds, each once, as deep as it goes', async () => {
    const repository = new MemoryRepository();
    const leaves = ['one', 'two', 'three'].map((name) => manifestOf({ name }));
    const inner = index(...leaves.slice(1).map((leaf) => leaf.digest));
    const outer = index(leaves[0]?.digest ?? '', inner.digest, leaves[1]?.digest ?? '');
    for (const manifest of [...leaves, inner, outer]) repository.manifests.set(manifest.digest, manifest);
    const targets = [{ address: { domain: 'registry.test', path: 'app' }, repository }];
    const options = { targets, key: await newKey(), annotations: new Map<string, string>(), log: silent };
    const outcomes = await signImage({ ...options, digest: outer.digest, recursive: true }, never);
    expect(outcomes).toEqual([
      { repository: 'registry.test/app', digest: outer.digest, children: 4, outcome: 'added' },
    ]);
    const signed = [outer, inner, ...leaves].map((manifest) => `${manifest.digest.replace(':', '-')}.sig`);
    expect([...repository.tags.keys()].sort()).toEqual(signed.sort());
  });

  it('that is missing in one repository is still signed in the others', async () => {
    const [good, bad] = [new MemoryRepository('good.test/app'), new MemoryRepository('bad.test/app')];
    const image = manifestOf({ name: 'image' });
    good.manifests.set(image.digest, image);
    const targets = [bad, good].map((repository) => ({ address: { domain: 'x.test', path: 'app' }, repository }));
    const options = { targets, key: await newKey(), annotations: new Map<string, string>(), log: silent };
    const outcomes = await signImage({ ...options, digest: image.digest, recursive: true }, never);
    expect(outcomes.map(({ repository, outcome }) => [repository, outcome])).toEqual([
      ['bad.test/app', 'failed'],
      ['good.test/app', 'added'],
    ]);
  });
});
