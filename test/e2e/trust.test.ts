// Trust, client certificates, token servers and proxies by settings, with an engine whose images this plugin uploads itself,
// so that every connection is its own; and what becomes of them with one that pushes by itself.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { publishBaseImage } from '../support/base-image.ts';
import { startForwardProxy, type ForwardProxy } from '../support/forward-proxy.ts';
import { startRegistry, type TestRegistry, type RegistryOptions } from '../support/registry.ts';
import { expectExit, runPlugin, type PluginResult } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { addFiles, makeWorkspace } from '../support/workspace.ts';

const engine = sharedEngine('docker-26.1-graphdriver');
const writer = { username: 'builder', password: 'builder-password' };
let bases: TestRegistry;
let base: string;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  bases = await startRegistry();
  base = `${bases.host}/base:1`;
  await publishBaseImage({ reference: base });
});
afterAll(() => bases.stop());
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startTarget(options: RegistryOptions): Promise<TestRegistry> {
  const registry = await startRegistry(options);
  ends.push(() => registry.stop());
  return registry;
}

/** Runs a step that publishes; PEM files lie in its workspace. */
async function publish(
  settings: Readonly<Record<string, string>>,
  more: { readonly files?: Readonly<Record<string, string>>; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<PluginResult> {
  const cwd = makeWorkspace({ Dockerfile: `FROM ${base}\nRUN echo ${Math.random()} >/built\n` });
  addFiles(cwd, more.files ?? {});
  return runPlugin({ cwd, host: engine.host, settings: { tags: '1', ...settings }, env: more.env ?? {} });
}

/** The tags that arrived since the last question. */
function newTags(registry: TestRegistry): readonly string[] {
  return registry.take().flatMap(({ method, path, status }) => {
    const tag = /\/manifests\/([^:]+)$/.exec(path)?.[1];
    return method === 'PUT' && status === 201 && tag !== undefined ? [tag] : [];
  });
}

describe('an own authority', () => {
  let registry: TestRegistry;
  let ca: string;
  beforeAll(async () => {
    registry = await startRegistry({ tls: true });
    ca = registry.caCertificate ?? '';
  });
  afterAll(() => registry.stop());
  const repo = (): string => `${registry.host}/app`;

  it('is believed as PEM text', async () => {
    expectExit(await publish({ repo: repo(), ca_cert: ca }), 0);
    expect(newTags(registry)).toEqual(['1']);
  });

  it('is believed for the host that it is given for', async () => {
    const files = { 'ca.pem': ca };
    expectExit(await publish({ repo: repo(), ca_cert: `${registry.host}=ca.pem` }, { files }), 0);
    expect(newTags(registry)).toEqual(['1']);
    const elsewhere = await publish({ repo: repo(), ca_cert: 'reg.example=ca.pem' }, { files });
    expectExit(elsewhere, 4);
    expect(elsewhere.output).toContain(
      `the certificate of ${registry.host} is signed by an authority that is not trusted`,
    );
    expect(elsewhere.output).toContain('`ca_cert`');
  });

  it('is found in a folder of certificates by host, and by the variable of OpenSSL', async () => {
    const folder = `.config/containers/certs.d/${registry.host}`;
    expectExit(await publish({ repo: repo() }, { files: { [`${folder}/ca.crt`]: ca } }), 0);
    expect(newTags(registry)).toEqual(['1']);
    expectExit(await publish({ repo: repo() }, { files: { 'ca.pem': ca }, env: { SSL_CERT_FILE: 'ca.pem' } }), 0);
    expect(newTags(registry)).toEqual(['1']);
  });

  it('is not needed where nothing is verified', async () => {
    for (const settings of [{ skip_tls_verify: 'true' }, { skip_tls_verify: registry.host }, { insecure: 'true' }]) {
      const step = await publish({ repo: repo(), ...settings });
      expectExit(step, 0);
      expect(step.output).toContain('insecure-registries in its daemon.json');
      expect(newTags(registry)).toEqual(['1']);
    }
  });
});

it('a host whose TLS is not verified has to speak TLS', async () => {
  const registry = await startTarget({});
  const step = await publish({ repo: `${registry.host}/app`, skip_tls_verify: 'true' });
  expectExit(step, 2);
  expect(step.output).toContain(`${registry.host} does not speak TLS`);
  expect(registry.requests()).toEqual([]);
});

describe('a registry that wants a client certificate', () => {
  let registry: TestRegistry;
  const pem = (): { readonly ca: string; readonly cert: string; readonly key: string } => ({
    ca: registry.caCertificate ?? '',
    ...(registry.clientPair ?? { cert: '', key: '' }),
  });
  beforeAll(async () => {
    registry = await startRegistry({ tls: 'mutual', auth: 'htpasswd' });
  });
  afterAll(() => registry.stop());
  const settings = () => ({ repo: `${registry.host}/app`, registry: registry.host, ca_cert: pem().ca, ...writer });

  it('gets one from files, and from text', async () => {
    const files = { 'c.pem': pem().cert, 'k.pem': pem().key };
    expectExit(await publish({ ...settings(), client_cert: `${registry.host}=c.pem,k.pem` }, { files }), 0);
    expect(newTags(registry)).toEqual(['1']);
    const step = await publish({ ...settings(), client_cert: `${pem().cert}${pem().key}` });
    expectExit(step, 0);
    expect(step.output).not.toContain('PRIVATE KEY');
    expect(newTags(registry)).toEqual(['1']);
  });

  it('gets one from a folder of certificates, where half a pair is an error', async () => {
    const folder = `.config/containers/certs.d/${registry.host}`;
    const files = { [`${folder}/client.cert`]: pem().cert };
    const half = await publish(settings(), { files });
    expectExit(half, 2);
    expect(half.output).toContain(`${folder}/client.cert cannot be used: client.key is missing beside it`);
    expect(half.output).not.toMatch(/^#1 /m);
    expectExit(await publish(settings(), { files: { ...files, [`${folder}/client.key`]: pem().key } }), 0);
    expect(newTags(registry)).toEqual(['1']);
  });

  it('is told to us before the build', async () => {
    const step = await publish(settings());
    expectExit(step, 4);
    expect(step.output).toContain(`give one in \`client_cert: ${registry.host}=certificate.pem,key.pem\``);
    expect(step.output).not.toMatch(/^#1 /m);
    expect(registry.take()).toEqual([]);
  });
});

describe('with a daemon that pushes by itself', () => {
  it('the missing certificate is told before the build, and again when the push failed', async () => {
    const registry = await startTarget({ tls: 'mutual' });
    const { cert = '', key = '' } = registry.clientPair ?? {};
    const cwd = makeWorkspace({ Dockerfile: `FROM ${base}\nRUN true\n`, 'c.pem': cert, 'k.pem': key });
    const client_cert = `${registry.host}=c.pem,k.pem`;
    const settings = { repo: `${registry.host}/app`, tags: '1', ca_cert: registry.caCertificate ?? '', client_cert };
    const step = await runPlugin({
      cwd,
      settings: { ...settings, push_via: 'daemon' },
      host: sharedEngine('docker-26.1-containerd').host,
    });
    expectExit(step, 4);
    const warning = `pushes to ${registry.host} by itself and cannot be given client_cert`;
    expect(step.output.indexOf(warning)).toBeGreaterThan(0);
    expect(step.output.indexOf(warning)).toBeLessThan(step.output.indexOf('#1 '));
    expect(step.output).toMatch(/error: push of \S+ by the daemon failed/);
    expect(step.output).toContain('trust it in its own daemon.json or certs.d; `push_via: plugin` pushes from here');
    expect(newTags(registry)).toEqual([]);
  });

  it('a registry that is not verified is published to', async () => {
    const registry = await startTarget({ tls: true });
    const cwd = makeWorkspace({ Dockerfile: `FROM ${base}\nRUN true\n` });
    const settings = { repo: `${registry.host}/app`, tags: '1', skip_tls_verify: 'true' };
    expectExit(await runPlugin({ cwd, host: sharedEngine('docker-26.1-containerd').host, settings }), 0);
    expect(newTags(registry)).toContain('1');
  });
});

describe('behind a proxy', () => {
  const names: Record<string, string> = {};
  let proxy: ForwardProxy;
  beforeAll(async () => {
    proxy = await startForwardProxy({ hosts: names, login: 'me:pr0xy-password' });
  });
  afterAll(() => proxy.stop());
  const variables = () => ({ http_proxy: proxy.url, https_proxy: proxy.url });

  it('a registry is reached with TLS and without, and the proxy’s password is not shown', async () => {
    for (const tls of [true, false]) {
      const registry = await startTarget({ tls });
      names['reg.test'] = registry.host;
      const settings = tls ? { skip_tls_verify: 'true' } : { insecure: 'true' };
      const step = await publish({ repo: 'reg.test/app', ...settings }, { env: variables() });
      expectExit(step, 0);
      expect(step.output).not.toContain('pr0xy-password');
      expect(newTags(registry)).toEqual(['1']);
      expect(proxy.take()).toContain(tls ? 'CONNECT reg.test:443' : 'PUT http://reg.test');
    }
  });

  it('settings win over variables, and no_proxy keeps hosts away from it', async () => {
    const registry = await startTarget({});
    names['reg.test'] = registry.host;
    const settings = { repo: 'reg.test/app', insecure: 'true', http_proxy: proxy.url, https_proxy: proxy.url };
    const env = { http_proxy: 'http://127.0.0.1:1', https_proxy: 'http://127.0.0.1:1' };
    expectExit(await publish(settings, { env }), 0);
    expect(newTags(registry)).toEqual(['1']);
    expect(proxy.take().length).toBeGreaterThan(0);
    const past = await publish({ ...settings, no_proxy: 'other.example,.test' }, { env });
    expectExit(past, 4);
    expect(past.output).toContain('reg.test cannot be reached');
    expect(proxy.take()).toEqual([]);
    const near = await publish({ ...settings, repo: `${registry.host}/app` }, { env });
    expectExit(near, 0);
    expect(newTags(registry)).toEqual(['1']);
    expect(proxy.take()).toEqual([]);
  });

  it('a token server of another house gets the login only when token_hosts names it', async () => {
    const registry = await startTarget({ auth: 'token', realmHost: 'tokens.test' });
    names['reg.test'] = registry.host;
    names['tokens.test'] = new URL(registry.tokens?.realm ?? '').host;
    const settings = { repo: 'reg.test/app', registry: 'reg.test', insecure: 'true', ...writer };
    const refused = await publish(settings, { env: variables() });
    expectExit(refused, 4);
    expect(refused.output).toContain('set `token_hosts: tokens.test`');
    expect(registry.takeTokenRequests()).toEqual([]);
    expectExit(await publish({ ...settings, token_hosts: 'tokens.test' }, { env: variables() }), 0);
    expect(registry.takeTokenRequests()).toMatchObject([{ user: 'builder', status: 200 }]);
    expect(newTags(registry)).toEqual(['1']);
  });
});
