// Who sends the image where the daemon could: the setting, and what `auto` makes of registries that only the plugin knows how
// to reach. The registries' own records say who came, the engine's list of images that nothing was kept there.
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { snapshotImages } from '../support/engine-observer.ts';
import { startRegistry, type TestRegistry, type RegistryOptions } from '../support/registry.ts';
import { expectExit, runPlugin, type PluginResult } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readManifest, unpackImage } from '../support/skopeo.ts';
import { addFiles, makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

const engine = sharedEngine('docker-26.1-containerd');
const ends: (() => Promise<void>)[] = [];
let open: TestRegistry;

beforeAll(async () => {
  open = await startRegistry();
});
afterAll(() => open.stop());
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startTarget(options: RegistryOptions): Promise<TestRegistry> {
  const registry = await startRegistry(options);
  ends.push(() => registry.stop());
  return registry;
}

const workspace = (): string =>
  makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY data /data\nCOPY data /again\n', data: randomBytes(200_000) });

/** Runs a step, which leaves nothing on the engine and no file of its own. */
async function publish(
  settings: Readonly<Record<string, string>>,
  { cwd = workspace(), host = engine.host } = {},
): Promise<PluginResult> {
  const images = await snapshotImages(engine);
  const TMPDIR = makeTemporaryFolder();
  const step = await runPlugin({ cwd, host, settings: { tags: '1', ...settings }, env: { TMPDIR } });
  expect(await snapshotImages(engine)).toEqual(images);
  expect(readdirSync(TMPDIR)).toEqual([]);
  return step;
}

/** Who finished uploads: the daemon names itself, and so does this plugin. */
function uploaders(registry: TestRegistry): ReadonlySet<string> {
  const uploads = registry.take().filter(({ method, path }) => method === 'PUT' && path.includes('/blobs/uploads/'));
  return new Set(uploads.map(({ userAgent }) => userAgent.split('/')[0] ?? ''));
}

it('the image is the same whoever sends it', async () => {
  const cwd = workspace();
  const digests: string[] = [];
  for (const via of ['daemon', 'plugin']) {
    const repo = `${open.host}/via/${via}`;
    const step = await publish({ repo, push_via: via, auto_label: 'false' }, { cwd });
    expectExit(step, 0);
    expect(step.output.includes('pushed by the daemon')).toBe(via === 'daemon');
    const image = await readManifest({ reference: `${repo}:1` });
    digests.push(image.digest);
    await unpackImage({ reference: `${repo}:1` }, makeTemporaryFolder());
  }
  expect(new Set(digests).size).toBe(1);
  // What is there already is not sent again.
  const again = await publish(
    { repo: `${open.host}/via/plugin`, push_via: 'plugin', tags: '1,2', auto_label: 'false' },
    { cwd },
  );
  expectExit(again, 0);
  expect(again.output).toContain('nothing to upload');
});

it('an index with its attestations goes whole when the plugin sends it', async () => {
  const repo = `${open.host}/attested`;
  expectExit(await publish({ repo, push_via: 'plugin', provenance: 'mode=max' }), 0);
  const { document } = await readManifest({ reference: `${repo}:1` });
  expect(document['manifests']).toHaveLength(2);
});

it('a graph-driver store cannot push, which is said before the build', async () => {
  const { host } = sharedEngine('docker-26.1-graphdriver');
  const step = await publish({ repo: `${open.host}/graph`, push_via: 'daemon' }, { host });
  expectExit(step, 2);
  expect(step.output).toContain('this store cannot push by digest');
  expect(step.output).not.toMatch(/^#1 /m);
});

it('a registry whose certificates were given to the step alone is uploaded to by the plugin', async () => {
  const registry = await startTarget({ tls: 'mutual' });
  const { cert = '', key = '' } = registry.clientPair ?? {};
  const cwd = workspace();
  addFiles(cwd, { 'c.pem': cert, 'k.pem': key });
  const settings = { ca_cert: registry.caCertificate ?? '', client_cert: `${registry.host}=c.pem,k.pem` };
  const repo = `${registry.host}/app,${open.host}/app`;
  const step = await publish({ repo, ...settings }, { cwd });
  expectExit(step, 0);
  expect(step.output).toContain(`the daemon cannot be given client_cert for ${registry.host}, so this plugin uploads`);
  expect(step.output).not.toContain('pushed by the daemon');
  expect(await listTags({ reference: `${open.host}/app` })).toEqual(['1']);
  expect(registry.take().some(({ method, path }) => method === 'PUT' && path.endsWith('/manifests/1'))).toBe(true);
});

it('the daemon pushes to one registry, and another one that is trusted otherwise gets a copy', async () => {
  const unverified = await startTarget({ tls: true });
  const repo = `${open.host}/two,${unverified.host}/two`;
  open.forget();
  const step = await publish({ repo, skip_tls_verify: unverified.host });
  expectExit(step, 0);
  expect(uploaders(open)).not.toContain('docker-build');
  expect(uploaders(unverified)).toEqual(new Set(['docker-build']));
  expect(await listTags({ reference: `${open.host}/two` })).toEqual(['1']);
});

it('a registry that the daemon turns out not to be able to reach is uploaded to by the plugin', async () => {
  const registry = await startTarget({ tls: 'mutual' });
  const { cert = '', key = '' } = registry.clientPair ?? {};
  const cwd = workspace();
  const folder = `.config/containers/certs.d/${registry.host}`;
  const ca = registry.caCertificate ?? '';
  addFiles(cwd, { [`${folder}/ca.crt`]: ca, [`${folder}/c.cert`]: cert, [`${folder}/c.key`]: key });
  const repo = `${registry.host}/app`;
  const step = await publish({ repo }, { cwd });
  expectExit(step, 0);
  expect(step.output).toMatch(
    /the daemon cannot reach a registry that this step can reach \(.*\); this plugin uploads/,
  );
  expect(uploaders(registry)).toEqual(new Set(['docker-build']));
});
