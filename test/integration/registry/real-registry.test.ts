// The client against Debian's docker-registry, open, with htpasswd and with a token server: the truth about protocols.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import type { Manifest } from '../../../src/registry/manifests.ts';
import { type RegistryOptions, startRegistry, type TestRegistry } from '../../support/registry.ts';
import { blobOf, loginOf, makeClient, passwordOf, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const builder = passwordOf('builder', 'builder-password');

function imageOf(...layers: readonly Buffer[]): { readonly config: Buffer; readonly manifest: Manifest } {
  const config = Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', nonce: randomBytes(8).toString('hex') }),
  );
  const describeBlob = (mediaType: string, bytes: Buffer) => ({ mediaType, size: bytes.length, digest: sha256(bytes) });
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: describeBlob('application/vnd.docker.container.image.v1+json', config),
      layers: layers.map((layer) => describeBlob('application/vnd.docker.image.rootfs.diff.tar.gzip', layer)),
    }),
  );
  const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
  return { config, manifest: { mediaType, bytes, digest: sha256(bytes) } };
}

function summary(registry: TestRegistry): readonly string[] {
  return registry
    .requests()
    .map(
      ({ method, path, status }) =>
        `${method} ${path.replace(/^\/v2\/[a-z-]+\/app/, '').replace(/(uploads\/|sha256:).+/, '$1*')} ${status}`,
    );
}

const kinds: readonly { readonly name: string; readonly options: RegistryOptions; readonly login: boolean }[] = [
  { name: 'open', options: { auth: 'open' }, login: false },
  { name: 'open with relative locations', options: { auth: 'open', relativeUrls: true }, login: false },
  { name: 'htpasswd', options: { auth: 'htpasswd' }, login: true },
  { name: 'token', options: { auth: 'token' }, login: true },
];

describe.each(kinds)('a registry that is $name', ({ options, login }) => {
  let registry: TestRegistry;
  let test: TestClient;

  beforeAll(async () => {
    registry = await startRegistry(options);
  });
  afterAll(() => registry.stop());
  beforeEach(() => {
    registry.take();
    registry.takeTokenRequests();
    test = makeClient(login ? { credentials: builder } : {});
  });
  afterEach(() => test.client.close());

  it('takes an image and gives it back unchanged', async () => {
    const repository = test.target(`${registry.host}/whole/app`);
    const layers = [randomBytes(300_000), randomBytes(2_000_000)];
    const { config, manifest } = imageOf(...layers);
    await repository.checkPushAccess(signal);
    const outcomes = await Promise.all(
      [...layers, config].map((bytes) => repository.ensureBlob(blobOf(bytes), signal)),
    );
    expect(outcomes).toEqual(['uploaded', 'uploaded', 'uploaded']);
    expect(await repository.putManifest(manifest, { digest: manifest.digest, tags: ['1', '2'] }, signal)).toEqual({
      confirmedTags: [],
    });
    await Promise.all(['1', '2'].map((tag) => repository.putManifest(manifest, { tag }, signal)));

    for (const reference of ['1', '2', manifest.digest]) {
      expect(await repository.headManifest(reference, signal)).toEqual({
        digest: manifest.digest,
        mediaType: manifest.mediaType,
        sizeBytes: manifest.bytes.length,
      });
    }
    const read = await repository.getManifest('2', signal);
    expect(Buffer.from(read?.bytes ?? []).equals(manifest.bytes)).toBe(true);
    expect(Buffer.from(await repository.readBlob(sha256(config), 10_000, signal)).equals(config)).toBe(true);
    expect(await repository.hasBlob(sha256(config), signal)).toBe(true);
    expect(test.lines).toEqual([]);
  });

  it('is asked no more than is needed', async () => {
    const repository = test.target(`${registry.host}/lean/app`);
    const layer = randomBytes(1000);
    const { config, manifest } = imageOf(layer);
    await Promise.all([repository.headManifest('1', signal), repository.headManifest('2', signal)]);
    await Promise.all([layer, config].map((bytes) => repository.ensureBlob(blobOf(bytes), signal)));
    await repository.putManifest(manifest, { tag: '1' }, signal);
    expect([...summary(registry)].sort()).toEqual(
      [
        `GET /v2/ ${login ? 401 : 200}`,
        'HEAD /manifests/1 404',
        'HEAD /manifests/2 404',
        'HEAD /blobs/sha256:* 404',
        'HEAD /blobs/sha256:* 404',
        'POST /blobs/uploads/ 202',
        'POST /blobs/uploads/ 202',
        'PUT /blobs/uploads/* 201',
        'PUT /blobs/uploads/* 201',
        'PUT /manifests/1 201',
      ].sort(),
    );
    expect(registry.takeTokenRequests()).toHaveLength(options.auth === 'token' ? 1 : 0);

    registry.forget();
    expect(await repository.headManifest('1', signal)).toMatchObject({ digest: manifest.digest });
    expect(summary(registry)).toEqual(['HEAD /manifests/1 200']);
  });

  it('mounts a blob from another repository', async () => {
    const blob = blobOf(randomBytes(5000));
    await test.target(`${registry.host}/donor/app`).ensureBlob(blob, signal);
    const open = (): never => {
      throw new Error('a mounted blob is not read');
    };
    registry.take();
    const outcome = await test
      .target(`${registry.host}/heir/app`)
      .ensureBlob({ ...blob, open, mountFrom: 'donor/app' }, signal);
    expect(outcome).toBe('mounted');
    expect(summary(registry)).toEqual([
      'HEAD /blobs/sha256:* 404',
      'POST /blobs/uploads/ 201',
      'HEAD /blobs/sha256:* 200',
    ]);
  });

  it('uploads a blob that the other repository does not have', async () => {
    const blob = blobOf(randomBytes(5000));
    await test.target(`${registry.host}/donor/app`).checkPushAccess(signal);
    const repository = test.target(`${registry.host}/heir/app`);
    expect(await repository.ensureBlob({ ...blob, mountFrom: 'donor/app' }, signal)).toBe('uploaded');
    expect(await repository.ensureBlob(blob, signal)).toBe('exists');
  });

  it('says undefined for what is not there', async () => {
    const repository = test.source(`${registry.host}/void/app`);
    expect(await repository.headManifest('latest', signal)).toBeUndefined();
    expect(await repository.getManifest('latest', signal)).toBeUndefined();
    expect(await repository.hasBlob(sha256(Buffer.from('nothing')), signal)).toBe(false);
    await expect(repository.readBlob(sha256(Buffer.from('nothing')), 100, signal)).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('keeps no upload open after a check or a stop', async () => {
    const repository = test.target(`${registry.host}/stopped/app`);
    await repository.checkPushAccess(signal);
    const stop = new AbortController();
    const open = (): Readable =>
      new Readable({
        read() {
          stop.abort(new Error('stopped by the test'));
        },
      });
    const upload = repository.ensureBlob({ digest: sha256(Buffer.from('x')), sizeBytes: 1, open }, stop.signal);
    await expect(upload).rejects.toThrow('stopped by the test');
    await repository.abandonUploads();
    expect(registry.requests().filter(({ method }) => method === 'DELETE')).toHaveLength(2);
  });
});

describe.each(['htpasswd', 'token'] as const)('a wrong password at a registry with %s', (auth) => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ auth });
  });
  afterAll(() => registry.stop());

  it('is sent once, and is one line', async () => {
    const test = makeClient({ credentials: passwordOf('builder', 'not-the-password') });
    const repository = test.target(`${registry.host}/team/app`);
    const tries = [
      repository.checkPushAccess(signal),
      repository.headManifest('1', signal),
      test.target(`${registry.host}/team/other`).headManifest('2', signal),
      test.source(`${registry.host}/team/third`).getManifest('3', signal),
    ];
    for (const result of await Promise.allSettled(tries)) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: {
          code: 'credentials-refused',
          exitCode: 3,
          message: `${registry.host} refused the password of user "builder" (settings username/password); it was sent once and not repeated`,
          hint: undefined,
          details: [],
        },
      });
    }
    await expect(repository.headManifest('1', signal)).rejects.toMatchObject({ code: 'credentials-refused' });
    const tokenRequests = registry.takeTokenRequests();
    expect(tokenRequests).toHaveLength(auth === 'token' ? 1 : 0);
    const withLogin = registry.requests().filter(({ authorization }) => authorization !== undefined);
    expect(withLogin).toHaveLength(auth === 'token' ? 0 : 1);
    expect(test.lines).toEqual([]);
    await test.client.close();
  });

  it('is not confused with no login at all', async () => {
    const test = makeClient();
    await expect(test.target(`${registry.host}/team/app`).checkPushAccess(signal)).rejects.toMatchObject({
      code: 'credentials-missing',
      exitCode: 3,
      message: expect.stringContaining('looked in the test'),
    });
    await test.client.close();
  });
});

describe('a registry with a token server', () => {
  it('is told apart: may pull, may not push', async () => {
    const registry = await startRegistry({ auth: 'token' });
    const test = makeClient({ credentials: passwordOf('reader', 'reader-password') });
    await expect(test.target(`${registry.host}/team/app`).checkPushAccess(signal)).rejects.toMatchObject({
      code: 'denied',
      exitCode: 3,
      message: `push to ${registry.host}/team/app: user "reader" may pull but not push ${registry.host}/team/app`,
    });
    expect(registry.takeTokenRequests()).toHaveLength(1);
    await test.client.close();
    await registry.stop();
  });

  it('takes an identity token by POST', async () => {
    const users = {
      robot: { password: 'unused', identityToken: 'identity-123', rights: { '*': ['pull', 'push'] } },
    } as const;
    const registry = await startRegistry({ auth: 'token', users, tokenPost: 'oauth' });
    const test = makeClient({
      credentials: loginOf({ kind: 'identity-token', token: 'identity-123', source: 'test' }),
    });
    await test.target(`${registry.host}/team/app`).checkPushAccess(signal);
    expect(registry.takeTokenRequests()).toMatchObject([{ method: 'POST', status: 200 }]);
    await test.client.close();
    await registry.stop();
  });

  it('gives the daemon tokens for exactly the scopes that it asks for', async () => {
    const registry = await startRegistry({ auth: 'token' });
    const test = makeClient({ credentials: builder });
    await test.target(`${registry.host}/team/app`).checkPushAccess(signal);
    const tokens = registry.tokens;
    const request = {
      host: registry.host,
      realm: tokens?.realm ?? '',
      service: tokens?.service ?? '',
      scopes: ['repository:team/app:pull'],
    };
    const [first, second] = await Promise.all([
      test.client.fetchToken(request, signal),
      test.client.fetchToken(request, signal),
    ]);
    expect(first.token).toBe(second.token);
    expect(first.expiresInSeconds).toBe(300);
    expect(registry.takeTokenRequests().map(({ scopes }) => scopes)).toEqual([
      ['repository:team/app:pull,push'],
      ['repository:team/app:pull'],
    ]);
    await expect(
      test.client.fetchToken({ ...request, realm: 'https://evil.example.net/token' }, signal),
    ).rejects.toMatchObject({ code: 'bad-realm', exitCode: 4 });
    await test.client.close();
    await registry.stop();
  });
});

describe('a registry with TLS', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ auth: 'htpasswd', tls: true });
  });
  afterAll(() => registry.stop());

  it('is trusted by the certificate of its authority', async () => {
    const test = makeClient({ credentials: builder, caCertificates: [registry.caCertificate ?? ''] });
    await expect(test.target(`${registry.host}/team/app`).checkPushAccess(signal)).resolves.toBeUndefined();
    await test.client.close();
  });

  it('is not verified where the settings say so', async () => {
    const test = makeClient({ credentials: builder, insecureHosts: new Set([registry.host]) });
    await expect(test.target(`${registry.host}/team/app`).checkPushAccess(signal)).resolves.toBeUndefined();
    await test.client.close();
  });

  it('is not spoken to with an unknown certificate, nor without TLS instead', async () => {
    const test = makeClient({ credentials: builder });
    registry.forget();
    await expect(test.target(`${registry.host}/team/app`).checkPushAccess(signal)).rejects.toMatchObject({
      code: 'tls-unknown-ca',
      exitCode: 4,
      hint: expect.stringContaining('ca_cert'),
    });
    expect(registry.requests()).toEqual([]);
    await test.client.close();
  });
});

describe('a registry that may only be read', () => {
  it('says so', async () => {
    const registry = await startRegistry({ readOnly: true });
    const test = makeClient();
    await expect(test.target(`${registry.host}/team/app`).checkPushAccess(signal)).rejects.toMatchObject({
      code: 'unsupported',
      exitCode: 4,
      status: 405,
    });
    await test.client.close();
    await registry.stop();
  });
});

describe('a registry that keeps no list of referrers', () => {
  it('has it under a tag, which every client can read', async () => {
    const registry = await startRegistry({});
    const test = makeClient();
    const repository = test.target(`${registry.host}/signed/app`);
    const layer = randomBytes(1000);
    const { config, manifest } = imageOf(layer);
    for (const bytes of [layer, config]) await repository.ensureBlob(blobOf(bytes), signal);
    await repository.putManifest(manifest, { tag: '1' }, signal);
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const describeBlob = (bytes: Buffer) => ({
      mediaType: 'application/x.bytes',
      size: bytes.length,
      digest: sha256(bytes),
    });
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        config: describeBlob(config),
        layers: [describeBlob(layer)],
        subject: { mediaType: manifest.mediaType, size: manifest.bytes.length, digest: manifest.digest },
      }),
    );
    const signature = { mediaType, bytes, digest: sha256(bytes) };
    await repository.putManifest(signature, { digest: signature.digest }, signal);
    expect(await test.source(`${registry.host}/signed/app`).listReferrers(manifest.digest, signal)).toEqual([
      { mediaType, digest: signature.digest, sizeBytes: bytes.length, artifactType: 'application/x.bytes' },
    ]);
    expect([...(await repository.listTags(signal))].sort()).toEqual(['1', manifest.digest.replace(':', '-')]);
    await test.client.close();
    await registry.stop();
  });
});
