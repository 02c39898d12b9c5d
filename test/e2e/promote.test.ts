// Promotion from registry to registry, with the requests that it costs: of an index that a real engine has built, to a registry
// with logins, whole or in part, with what refers to it; nothing listens where the step would look for a daemon.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { cosignVerify, generateKeys } from '../support/cosign.ts';
import { docker } from '../support/docker.ts';
import { type RecordedRequest, uploadedBlobsIn } from '../support/recording-proxy.ts';
import { registryUsers, startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readConfig, readManifest, type RemoteImage } from '../support/skopeo.ts';
import { makeWorkspace } from '../support/workspace.ts';

const noDaemon = 'unix:///nonexistent/docker.sock';
const engine = sharedEngine('docker-26.1-containerd');
const reader = { username: 'reader', password: registryUsers.reader.password };

let dev: TestRegistry;
let prod: TestRegistry;
beforeAll(async () => {
  dev = await startRegistry();
  prod = await startRegistry({ auth: 'token' });
});
afterAll(async () => {
  await dev.stop();
  await prod.stop();
});
beforeEach(() => {
  dev.forget();
  prod.forget();
});

type Settings = Readonly<Record<string, string | boolean | readonly string[]>>;

/** Two platforms with provenance; the layers of the same `common` are the same. */
async function build(repo: string, tag: string, files: Readonly<Record<string, string>>, more: Settings = {}) {
  const Dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY common.txt /\nCOPY ${TARGETARCH}.txt /which.txt\n';
  const cwd = makeWorkspace({ Dockerfile, 'amd64.txt': 'amd64\n', 'arm64.txt': 'arm64\n', ...files });
  const platform = ['linux/amd64', 'linux/arm64'];
  const settings = { repo, tags: tag, platform, provenance: 'mode=max', source_date_epoch: '1700000000', ...more };
  const step = await runPlugin({ cwd, host: engine.host, settings });
  expectExit(step, 0);
}

async function promote(settings: Settings): Promise<PluginResult> {
  const login = { registry: prod.host, username: 'builder', password: registryUsers.builder.password };
  const all = { push_only: true, ...login, ...settings };
  return await runPlugin({ cwd: makeWorkspace(), settings: all, host: noDaemon });
}

interface Descriptor {
  readonly digest: string;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

async function childrenOf(image: RemoteImage): Promise<readonly Descriptor[]> {
  return (await readManifest(image)).document['manifests'] as readonly Descriptor[];
}

/** How often each kind of request was made; the ping and the proof of the right to push are `preflight`. */
function countsOf(requests: readonly RecordedRequest[]): Readonly<Record<string, number>> {
  const kinds = requests.map(({ method, path, query }) => {
    const isPreflight = path === '/v2/' || method === 'DELETE';
    if (isPreflight) return 'preflight';
    if (path.includes('/blobs/uploads/')) return query.includes('mount=') ? 'mount' : `${method} upload`;
    return `${method} ${/\/(blobs|manifests|tags|referrers)\//.exec(path)?.[1] ?? path}`;
  });
  return Object.fromEntries(
    [...new Set(kinds)].sort().map((kind) => [kind, kinds.filter((each) => each === kind).length]),
  );
}

describe('an index of two platforms with attestations, from one registry to another', () => {
  it('keeps its digest, moves no blob that the target has, and costs few requests', async () => {
    const from = `${dev.host}/team/app`;
    const repo = `${prod.host}/shop/app`;
    await build(from, '1', { 'common.txt': 'for all\n' });
    const built = await readManifest({ reference: `${from}:1` });
    dev.forget();

    const step = await promote({ repo, tags: ['1', 'latest'], source_image: `${from}:1` });
    expectExit(step, 0);
    expect(step.output).toContain(`source ${from}:1@${built.digest}`);
    expect(step.output).toMatch(new RegExp(`${repo} has the blobs of the image: \\d+ sent`));
    const first = prod.take();
    const read = dev.take();
    const children = await childrenOf({ reference: `${from}:1` });
    expect(children).toHaveLength(4);
    for (const tag of ['1', 'latest']) {
      expect((await readManifest({ reference: `${repo}:${tag}`, login: reader })).digest).toBe(built.digest);
    }
    for (const { digest } of children) {
      expect((await readManifest({ reference: `${repo}@${digest}`, login: reader })).digest).toBe(digest);
    }
    const blobs = uploadedBlobsIn(first);
    expect(new Set(blobs).size).toBe(blobs.length);
    // The root, its children, and each blob, once.
    expect(countsOf(read)).toEqual({ preflight: 1, 'GET manifests': 1 + 4, 'GET blobs': blobs.length });
    expect(countsOf(first)).toEqual({
      preflight: 1 + 1,
      'GET tags': 1,
      // The root, two tags before and after.
      'HEAD manifests': 1 + 2 + 2,
      'POST upload': blobs.length + 1,
      'PUT upload': blobs.length,
      // Four children, the root with both tags, and both again: this registry knows no tags in one request.
      'PUT manifests': 4 + 1 + 2,
    });

    dev.forget();
    prod.forget();
    expectExit(await promote({ repo, tags: ['1', 'latest'], source_image: `${from}:1` }), 0);
    expect(countsOf(prod.take())).toEqual({ preflight: 1 + 1, 'POST upload': 1, 'HEAD manifests': 1 + 2 });
    expect(countsOf(dev.take())).toEqual({ preflight: 1, 'GET manifests': 1 });

    // Another image on the same layer: the platforms' own files, their configs and attestations are new.
    await build(from, '2', { 'common.txt': 'for all\n', 'amd64.txt': 'other\n' });
    const second = await readManifest({ reference: `${from}:2` });
    dev.forget();
    prod.forget();
    expectExit(await promote({ repo, tags: '2', source_image: `${from}@${second.digest}` }), 0);
    expect((await readManifest({ reference: `${repo}:2`, login: reader })).digest).toBe(second.digest);
    const moved = uploadedBlobsIn(prod.take());
    expect(moved.filter((digest) => blobs.includes(digest))).toEqual([]);
    const reads = dev.take().filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'));
    // What it has of the configs is read all the same: they are searched for secrets.
    const paths = new Set(reads.map(({ path }) => path.split('/').at(-1)));
    expect(moved.filter((digest) => !paths.has(digest))).toEqual([]);
    expect(reads.length).toBeLessThanOrEqual(moved.length + 1);

    // Within the repository it is a matter of tags alone.
    dev.forget();
    expectExit(await promote({ repo: from, tags: 'stable', source_image: `${from}:2@${second.digest}` }), 0);
    const inside = countsOf(dev.take());
    expect(inside).toEqual({
      preflight: 1 + 1,
      'POST upload': 1,
      'GET manifests': 1,
      'HEAD manifests': 2,
      'PUT manifests': 1,
    });
    expect((await readManifest({ reference: `${from}:stable` })).digest).toBe(second.digest);
  });

  it('goes to several registries, each with the login that belongs to it', async () => {
    const from = `${dev.host}/team/many`;
    await build(from, '1', { 'common.txt': 'many\n' });
    const other = await startRegistry({ auth: 'htpasswd', users: { deployer: 'deployer-password' } });
    onTestFinished(() => other.stop());
    const repo = [`${prod.host}/a/app`, `${prod.host}/b/app`, `${other.host}/c/app`];
    const logins = JSON.stringify([
      { registry: prod.host, username: 'builder', password: registryUsers.builder.password },
      { registry: other.host, username: 'deployer', password: 'deployer-password' },
    ]);
    const settings = { push_only: true, repo, tags: '1', source_image: `${from}:1`, logins };
    const step = await runPlugin({ cwd: makeWorkspace(), settings, host: noDaemon });
    expectExit(step, 0);
    const { digest } = await readManifest({ reference: `${from}:1` });
    const users = [reader, reader, { username: 'deployer', password: 'deployer-password' }];
    for (const [at, login] of users.entries()) {
      expect((await readManifest({ reference: `${repo[at]}:1`, login })).digest).toBe(digest);
      expect(step.output).toContain(`published ${repo[at]}\n  tags    1 (created)`);
    }
    expect(step.output).toMatch(new RegExp(`${repo[0]} has the blobs of the image: \\d+ sent`));
    expect(step.output).toMatch(new RegExp(`${repo[1]} has the blobs of the image: \\d+ mounted`));
    const uploaded = uploadedBlobsIn(prod.take());
    expect(new Set(uploaded).size).toBe(uploaded.length);
  });

  it('is one manifest when one platform is asked for', async () => {
    const from = `${dev.host}/team/one`;
    await build(from, '1', { 'common.txt': 'one\n' });
    const repo = `${prod.host}/shop/one`;
    const children = await childrenOf({ reference: `${from}:1` });
    const arm = children.find(({ platform }) => platform?.architecture === 'arm64');
    const step = await promote({ repo, tags: '1', source_image: `${from}:1`, platform: 'linux/arm64' });
    expectExit(step, 0);
    expect((await readManifest({ reference: `${repo}:1`, login: reader })).digest).toBe(arm?.digest);
    expect(step.output).toMatch(
      /platform linux\/arm64 of .* is sha256:\w+: it alone is published, and not the index sha256:/,
    );
  });
});

it('takes along what refers to the image when asked to: signatures that cosign verifies, and lists of contents', async () => {
  const from = `${dev.host}/team/signed`;
  const to = await startRegistry();
  onTestFinished(() => to.stop());
  const repo = `${to.host}/team/signed`;
  const keys = await generateKeys('key-password');
  const cosign = { cosign_private_key: keys.privateText, cosign_password: keys.password, cosign_params: '--recursive' };
  await build(from, '1', { 'common.txt': 'signed\n' }, cosign);
  const { digest } = await readManifest({ reference: `${from}:1` });
  const contents = await attach(dev, 'team/signed', digest);

  const settings = { repo, tags: '1', source_image: `${from}:1` };
  expectExit(await promote(settings), 0);
  expect(await listTags({ reference: repo })).toEqual(['1']);
  await expect(cosignVerify(`${repo}:1`, keys.publicFile)).rejects.toThrow(/no signatures found/);

  const step = await promote({ ...settings, referrers: true });
  expectExit(step, 0);
  // The index, its two images and two attestations are signed.
  expect((await listTags({ reference: repo })).filter((tag) => tag.endsWith('.sig'))).toHaveLength(5);
  await cosignVerify(`${repo}:1`, keys.publicFile);
  // Neither registry has the API: the list under the tag of the digest is what tools read.
  const listed = await childrenOf({ reference: `${repo}:${digest.replace(':', '-')}` });
  expect(listed).toEqual([expect.objectContaining({ digest: contents, artifactType: 'application/x.contents' })]);
  expect((await readManifest({ reference: `${repo}@${contents}` })).digest).toBe(contents);

  // Signed here as well, it has the signatures of both, and the next promotion leaves both.
  const own = await generateKeys('other-password');
  const signer = { cosign_private_key: own.privateText, cosign_password: own.password };
  expectExit(await promote({ ...settings, ...signer, referrers: true }), 0);
  to.forget();
  const again = await promote({ ...settings, referrers: true });
  expectExit(again, 0);
  expect(again.output).not.toContain('has others under the tag');
  expect(to.take().filter(({ method, path }) => method === 'PUT' || path.includes('/blobs/sha256'))).toEqual([]);
  for (const { publicFile } of [keys, own]) await cosignVerify(`${repo}:1`, publicFile);
});

/** Puts a manifest that refers to an image, and the list of such, as tools do where there is no API. @returns its digest */
async function attach({ url }: TestRegistry, path: string, subject: string): Promise<string> {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const blob = Buffer.from('{}');
  const opened = await fetch(`${url}/v2/${path}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(opened.headers.get('location') ?? '', url);
  location.searchParams.set('digest', digestOf(blob));
  await fetch(location, { method: 'PUT', body: blob });
  const put = async (reference: string, type: string, json: object): Promise<{ digest: string; size: number }> => {
    const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...json }));
    const name = reference === '' ? digestOf(body) : reference;
    const headers = { 'content-type': type };
    const answer = await fetch(`${url}/v2/${path}/manifests/${name}`, { method: 'PUT', headers, body });
    expect(answer.status).toBe(201);
    return { digest: digestOf(body), size: body.length };
  };
  const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(blob), size: blob.length };
  const index = 'application/vnd.oci.image.index.v1+json';
  const about = { mediaType: index, digest: subject, size: 1 };
  const artifactType = 'application/x.contents';
  const made = await put('', mediaType, { artifactType, config: empty, layers: [empty], subject: about });
  await put(subject.replace(':', '-'), index, { manifests: [{ mediaType, ...made, artifactType }] });
  return made.digest;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

it('publishes no image whose config holds a secret of the step, wherever it comes from', async () => {
  const secret = 'canary-of-a-password';
  const name = `${dev.host}/team/leaky:1`;
  const cwd = makeWorkspace({ Dockerfile: `FROM scratch\nCOPY Dockerfile /\nENV LOGIN=me:${secret}\n` });
  await docker(engine, 'build', '--quiet', '--tag', name, cwd);
  onTestFinished(async () => void (await docker(engine, 'rmi', name)));
  await docker(engine, 'push', '--quiet', name);
  await docker(engine, 'save', '--output', `${cwd}/image.tar`, name);
  const login = { registry: dev.host, username: 'me', password: secret };
  const sources = [
    { source_image: name },
    { source_image: name, source_from: 'daemon' },
    { source_tar_path: 'image.tar' },
  ];
  for (const [at, source] of sources.entries()) {
    const repo = `${dev.host}/public/${String(at)}`;
    const run = (more: Settings = {}) =>
      runPlugin({
        cwd,
        host: engine.host,
        settings: { push_only: true, repo, tags: '1', ...login, ...source, ...more },
      });
    dev.forget();
    const step = await run();
    expectExit(step, 7);
    expect(step.output).toContain('variable LOGIN');
    expect(step.output).not.toContain(secret);
    expect(uploadedBlobsIn(dev.take().filter(({ path }) => path.includes('/public/')))).toEqual([]);
    expect(await listTags({ reference: repo })).toEqual([]);
    if (at > 0) continue;
    expectExit(await run({ secret_scan: 'warn' }), 0);
    expect(await readConfig({ reference: `${repo}:1` })).toMatchObject({ os: 'linux' });
  }
});
