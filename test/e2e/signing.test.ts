// Signatures of what was published: Debian's cosign accepts them for every kind of key and each image store, refuses them where
// it must, and adds its own beside ours.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cosignSign, cosignVerify, generateKeys } from '../support/cosign.ts';
import { contrastingEngineKinds, type EngineKind } from '../support/engines.ts';
import { startRefusingProxy } from '../support/refusing-proxy.ts';
import { registryUsers, startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readManifest } from '../support/skopeo.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry();
});

afterAll(async () => {
  await registry.stop();
});

const files = { Dockerfile: 'FROM scratch\nCOPY greeting.txt /\n', 'greeting.txt': 'hello\n' };
const quietly = '--tlog-upload=false';

async function publish(
  settings: PluginStep['settings'],
  { workspace = makeWorkspace(files), kind = 'docker-26.1-containerd' as EngineKind } = {},
): Promise<PluginResult> {
  return await runPlugin({ cwd: workspace, host: sharedEngine(kind).host, settings: { tags: '1', ...settings } });
}

/** `repo@digest` of what a tag points at. */
async function pinned(repo: string, tag = '1'): Promise<string> {
  return `${repo}@${(await readManifest({ reference: `${repo}:${tag}` })).digest}`;
}

function signatureTagOf(reference: string): string {
  return `${reference.slice(reference.indexOf('@') + 1).replace(':', '-')}.sig`;
}

describe.each(contrastingEngineKinds)('%s', (kind) => {
  it('signs the published digest in each repository, once, with a key that cosign made', async () => {
    const keys = await generateKeys('correct horse');
    const stranger = await generateKeys('');
    const repos = [`${registry.host}/${kind}/one`, `${registry.host}/${kind}/two`];
    const workspace = makeWorkspace(files);
    const settings = {
      repo: repos,
      tags: ['1', '2'],
      cosign_private_key: keys.privateText,
      cosign_password: keys.password,
      cosign_params: `${quietly} -a build=42 --annotations team=core,note="<b>&c"`,
    };
    const step = await publish(settings, { workspace, kind });
    expectExit(step, 0);
    for (const repo of repos) {
      const reference = await pinned(repo);
      expect(step.output).toContain(`signed ${reference}\n`);
      const [claim, ...others] = await cosignVerify(reference, keys.publicFile, [
        'build=42',
        'team=core',
        'note=<b>&c',
      ]);
      expect(others).toEqual([]);
      expect(claim?.critical.identity['docker-reference']).toBe(repo);
      expect(`${repo}@${claim?.critical.image['docker-manifest-digest']}`).toBe(reference);
      expect(claim?.optional).toEqual({ build: '42', note: '<b>&c', team: 'core' });
      await expect(cosignVerify(reference, keys.publicFile, ['build=43'])).rejects.toThrow(/annotation|no matching/i);
      await expect(cosignVerify(reference, stranger.publicFile)).rejects.toThrow(/signature/i);
      expect(await listTags({ reference: repo })).toEqual(['1', '2', signatureTagOf(reference)]);
    }
    expect(step.output.match(/^ {2}signed {2}yes$/gm)).toHaveLength(2);
    expect(step.output).not.toMatch(/warning/);
    expect(step.output).not.toContain(keys.password);
    for (const line of keys.privateText.split('\n').slice(1, -2)) expect(step.output).not.toContain(line);
    expect(readdirSync(workspace).sort()).toEqual(Object.keys(files).sort());
  });
});

/** Keys as OpenSSL writes them, with the password that some of them want. */
const openssl: readonly (readonly [name: string, command: string, password: string | undefined])[] = [
  ['ECDSA P-256 (PKCS #8)', 'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256', undefined],
  ['ECDSA P-256 (SEC1, behind its parameters)', 'ecparam -name prime256v1 -genkey', undefined],
  ['ECDSA P-384', 'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384', undefined],
  ['ECDSA P-521', 'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521', undefined],
  ['RSA 2048 (PKCS #8)', 'genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048', undefined],
  ['RSA 3072 (PKCS #1)', 'genrsa -traditional 3072', undefined],
  ['Ed25519', 'genpkey -algorithm ED25519', undefined],
  [
    'encrypted ECDSA (PKCS #8)',
    'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:pw-8-ec',
    'pw-8-ec',
  ],
  ['encrypted RSA (PKCS #1)', 'genrsa -traditional -aes128 -passout pass:pw-1-rsa 2048', 'pw-1-rsa'],
];

it.each(openssl)('cosign accepts a signature by %s', async (name, command, password) => {
  const folder = makeTemporaryFolder();
  const [keyFile, publicFile] = [join(folder, 'key.pem'), join(folder, 'public.pem')];
  const [program = '', ...flags] = command.split(' ');
  execFileSync('openssl', [program, '-out', keyFile, ...flags], { stdio: 'pipe' });
  const pass = password === undefined ? [] : ['-passin', `pass:${password}`];
  execFileSync('openssl', ['pkey', '-in', keyFile, ...pass, '-pubout', '-out', publicFile], { stdio: 'pipe' });
  const repo = `${registry.host}/keys/${name.replaceAll(/[^A-Za-z0-9]+/g, '-').toLowerCase()}x`;
  const step = await publish({
    repo,
    cosign_private_key: readFileSync(keyFile, 'utf8'),
    ...(password === undefined ? {} : { cosign_password: password }),
    cosign_params: quietly,
  });
  expectExit(step, 0);
  expect(await cosignVerify(await pinned(repo), publicFile)).toHaveLength(1);
});

it('takes the key from a file of the workspace, and warns that there is no transparency log', async () => {
  const keys = await generateKeys('');
  const repo = `${registry.host}/from/file`;
  const workspace = makeWorkspace({ ...files, 'release.key': keys.privateText });
  const step = await publish({ repo, cosign_private_key: 'release.key' }, { workspace });
  expectExit(step, 0);
  expect(step.output).toMatch(/^warning: .*transparency log.*--insecure-ignore-tlog/m);
  expect(await cosignVerify(await pinned(repo), keys.publicFile)).toHaveLength(1);
});

it('adds its signature to those of cosign, is added to by cosign, and signs the same claim once', async () => {
  const [ours, theirs, others] = [
    await generateKeys('ours'),
    await generateKeys('theirs'),
    await generateKeys('others'),
  ];
  const repo = `${registry.host}/beside/cosign`;
  const workspace = makeWorkspace(files);
  const same = { repo, auto_label: false, source_date_epoch: 0 };
  expectExit(await publish(same, { workspace }), 0);
  const reference = await pinned(repo);
  await cosignSign(reference, theirs, ['-a', 'by=them', '--record-creation-timestamp']);
  const sign = { ...same, cosign_private_key: ours.privateText, cosign_password: 'ours', cosign_params: quietly };
  expectExit(await publish(sign, { workspace }), 0);
  await cosignSign(reference, others);
  const again = await publish(sign, { workspace });
  expectExit(again, 0);
  expect(await pinned(repo)).toBe(reference);
  expect(again.output).toMatch(/^ {2}signed {2}yes \(had been signed before\)$/m);

  expect(await cosignVerify(reference, theirs.publicFile, ['by=them'])).toHaveLength(1);
  expect(await cosignVerify(reference, ours.publicFile)).toHaveLength(1);
  expect(await cosignVerify(reference, others.publicFile)).toHaveLength(1);
  const { document } = await readManifest({ reference: `${repo}:${signatureTagOf(reference)}` });
  expect(document['layers']).toHaveLength(3);
  // cosign knows a signature of ours for the same claim as one that it need not add.
  await cosignSign(reference, ours);
  const after = await readManifest({ reference: `${repo}:${signatureTagOf(reference)}` });
  expect(after.document['layers']).toHaveLength(3);
});

it('refuses a claim that was changed after it was signed', async () => {
  const keys = await generateKeys('');
  const repo = `${registry.host}/tampered/claim`;
  expectExit(
    await publish({ repo, cosign_private_key: keys.privateText, cosign_params: `${quietly} -a level=low` }),
    0,
  );
  const reference = await pinned(repo);
  expect(await cosignVerify(reference, keys.publicFile, ['level=low'])).toHaveLength(1);
  await replaceClaim(repo, signatureTagOf(reference), (claim) => claim.replace('"low"', '"top"'));
  await expect(cosignVerify(reference, keys.publicFile, ['level=top'])).rejects.toThrow(/signature/i);
});

/** Rewrites the first signed document in a list of signatures, as somebody with the right to push could. */
async function replaceClaim(repo: string, tag: string, change: (claim: string) => string): Promise<void> {
  const name = repo.slice(registry.host.length + 1);
  const { document, mediaType } = await readManifest({ reference: `${repo}:${tag}` });
  const [layer] = document['layers'] as [{ digest: string; size: number }];
  const api = `${registry.url}/v2/${name}`;
  const claim = change(await (await fetch(`${api}/blobs/${layer.digest}`)).text());
  const digest = `sha256:${execFileSync('sha256sum', { input: claim, encoding: 'utf8' }).slice(0, 64)}`;
  const begun = await fetch(`${api}/blobs/uploads/`, { method: 'POST' });
  const upload = new URL(begun.headers.get('location') ?? '', registry.url);
  upload.searchParams.set('digest', digest);
  expect((await fetch(upload, { method: 'PUT', body: claim })).status).toBe(201);
  const layers = [{ ...layer, digest, size: Buffer.byteLength(claim) }];
  const body = JSON.stringify({ ...document, layers });
  const put = await fetch(`${api}/manifests/${tag}`, { method: 'PUT', headers: { 'content-type': mediaType }, body });
  expect(put.status).toBe(201);
}

it('signs the images of an index with --recursive, and the index alone without', async () => {
  const keys = await generateKeys('');
  const platform = ['linux/amd64', 'linux/arm64'];
  const sign = { platform, cosign_private_key: keys.privateText };
  const imagesIn = async (repo: string): Promise<readonly string[]> => {
    const { document } = await readManifest({ reference: `${repo}:1` });
    return (document['manifests'] as readonly { digest: string }[]).map(({ digest }) => `${repo}@${digest}`);
  };
  const [deep, flat] = [`${registry.host}/index/deep`, `${registry.host}/index/flat`];
  const workspace = makeWorkspace({ ...files, Dockerfile: 'FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\n' });
  const step = await publish({ ...sign, repo: deep, cosign_params: `${quietly} -r` }, { workspace });
  expectExit(step, 0);
  expect(step.output).toMatch(/^ {2}signed {2}yes, with 2 images of the index$/m);
  expectExit(await publish({ ...sign, repo: flat, cosign_params: quietly }, { workspace }), 0);

  for (const reference of [await pinned(deep), ...(await imagesIn(deep)), await pinned(flat)]) {
    expect(await cosignVerify(reference, keys.publicFile)).toHaveLength(1);
  }
  for (const reference of await imagesIn(flat)) {
    await expect(cosignVerify(reference, keys.publicFile)).rejects.toThrow(/no signatures/i);
  }
});

it('signs in a registry that asks for a token', async () => {
  const keys = await generateKeys('');
  const guarded = await startRegistry({ auth: 'token' });
  try {
    const repo = `${guarded.host}/guarded/app`;
    const login = { username: 'builder', password: registryUsers.builder.password };
    const step = await publish({
      repo,
      registry: guarded.host,
      ...login,
      cosign_private_key: keys.privateText,
      cosign_params: quietly,
    });
    expectExit(step, 0);
    const { digest } = await readManifest({ reference: `${repo}:1`, login });
    expect(await listTags({ reference: repo, login })).toEqual(['1', signatureTagOf(`@${digest}`)]);
  } finally {
    await guarded.stop();
  }
});

it('signs nothing in a dry run, and says so', async () => {
  const keys = await generateKeys('');
  const repo = `${registry.host}/dry/run`;
  const step = await publish({ repo, dry_run: true, cosign_private_key: keys.privateText });
  expectExit(step, 0);
  expect(step.output).toContain('nothing is published, so nothing is signed');
  expect(step.output).not.toMatch(/warning/);
  expect(await listTags({ reference: repo })).toEqual([]);
});

it('opens the key before anything else: a wrong password needs no daemon to be found', async () => {
  const keys = await generateKeys('right');
  const step = await runPlugin({
    cwd: makeWorkspace(files),
    host: 'unix:///nowhere/docker.sock',
    settings: { repo: `${registry.host}/x`, cosign_private_key: keys.privateText, cosign_password: 'wr0ng-password' },
  });
  expectExit(step, 2);
  expect(step.output).toContain('error: settings.cosign_password: it does not open cosign_private_key');
  expect(step.output).not.toContain('wr0ng-password');
});

describe('when a registry refuses the signature', () => {
  const refuseSignatures = (method: string, path: string): number | undefined =>
    method === 'PUT' && /\/manifests\/sha256-[0-9a-f]{64}\.sig$/.test(path) ? 405 : undefined;

  const stated = [/state: \S+:1 absent → sha256:\S+, created$/m, /state: \S+@sha256:\S+ not signed$/m];

  it.each([
    [true, 4, 'error', [...stated, /try: .*cosign_required: false/]],
    [false, 0, 'warning', [/^ {2}signed {2}no, see the warning above$/m]],
  ])('cosign_required: %s ends the step with %i and says what was published', async (required, code, word, lines) => {
    const keys = await generateKeys('');
    const proxy = await startRefusingProxy(registry.host, refuseSignatures);
    try {
      const repo = `${proxy.host}/refused/${String(required)}`;
      const sign = { cosign_private_key: keys.privateText, cosign_params: quietly, cosign_required: required };
      const step = await publish({ repo, ...sign });
      expectExit(step, code);
      const reference = await pinned(repo);
      expect(step.output).toContain(`${word}: ${reference} is published and not signed: `);
      for (const line of lines) expect(step.output).toMatch(line);
      expect(await listTags({ reference: repo })).toEqual(['1']);
    } finally {
      await proxy.stop();
    }
  });
});
