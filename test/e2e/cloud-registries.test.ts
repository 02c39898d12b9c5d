// Google's, Azure's and Heroku's registries as a step meets them: the real names behind a proxy, with the settings that the
// users of plugins/gcr, gar, acr and heroku write, and nothing else. The registry's records say who came to it, the clouds'
// records what they were asked.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type CloudGate, type CloudService, startCloudGate } from '../support/cloud-gate.ts';
import { registryUsers, startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags } from '../support/skopeo.ts';
import { makeStandingFolder, makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

const engine = sharedEngine('docker-26.1-graphdriver');
const witness = { username: 'reader', password: registryUsers.reader.password };
const writer = { username: 'builder', password: registryUsers.builder.password };

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = JSON.stringify({
  type: 'service_account',
  client_email: 'ci@acme.iam.gserviceaccount.com',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
});
const googleToken = 'ya29.token-of-the-cloud';
const azureToken = 'refresh-token-of-the-cloud';
const herokuKey = 'heroku-key-of-the-account';
const everything = ['pull', 'push'] as const;
const user = (password: string) => ({ password, rights: { '*': everything } });
const users = {
  ...registryUsers,
  _json_key: user(key),
  oauth2accesstoken: user(googleToken),
  '00000000-0000-0000-0000-000000000000': user(azureToken),
  'sp-1': user('sp-secret-1'),
  _: user(herokuKey),
  'ci@example.com': user(herokuKey),
};

const tenant = 'tenant-1';
const ok = (json: object) => ({ status: 200, json });
const google: CloudService = ({ path }) =>
  path.endsWith(':generateAccessToken')
    ? ok({ accessToken: googleToken, expireTime: '2100-01-01T00:00:00Z' })
    : ok({ access_token: path === '/v1/token' ? 'federated-token' : googleToken, expires_in: 3599 });
const entra: CloudService = ({ path, body }) => {
  if (body.includes('client_secret=wrong')) {
    const error_description = 'AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 0';
    return { status: 401, json: { error: 'invalid_client', error_description } };
  }
  return path === `/${tenant}/oauth2/v2.0/token` ? ok({ access_token: 'aad-token' }) : undefined;
};
const management: CloudService = ({ path }) =>
  path === '/subscriptions/sub-1/resources'
    ? ok({ value: [{ id: '/subscriptions/sub-1/resourceGroups/rg/registries/acme' }] })
    : { status: 403, json: { error: { code: 'AuthorizationFailed', message: 'no right to look' } } };
const exchange: CloudService = ({ path }) =>
  path === '/oauth2/exchange' ? ok({ refresh_token: azureToken }) : undefined;

/** A registry without a login and without repositories. */
const withoutRepositories: CloudService = ({ path }) =>
  path === '/v2/' ? ok({}) : { status: 404, json: { errors: [{ code: 'NAME_UNKNOWN', message: 'not found' }] } };

let registry: TestRegistry;
let gate: CloudGate;
let folder: ReturnType<typeof makeStandingFolder>;

beforeAll(async () => {
  folder = makeStandingFolder();
  registry = await startRegistry({ auth: 'token', users });
  gate = await startCloudGate(
    {
      'oauth2.googleapis.com': { service: google },
      'sts.googleapis.com': { service: google },
      'iamcredentials.googleapis.com': { service: google },
      'login.microsoftonline.com': { service: entra },
      'management.azure.com': { service: management },
      'gcr.io': { registry },
      'europe-west1-docker.pkg.dev': { registry },
      'us-docker.pkg.dev': { service: withoutRepositories },
      'acme.azurecr.io': { registry, service: exchange },
      'registry.heroku.com': { registry },
    },
    { registry, service: exchange },
  );
});

afterAll(async () => {
  await gate.stop();
  await registry.stop();
  folder.remove();
});

beforeEach(() => {
  gate.forget();
  registry.takeTokenRequests();
});

interface Step {
  readonly settings: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly host?: string;
}

async function run({ settings, env = {}, host = engine.host }: Step): Promise<PluginResult> {
  const cwd = makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY file /\n', file: `${Math.random()}` });
  const outside = { https_proxy: gate.proxy, ...env };
  return runPlugin({ cwd, host, settings: { ca_cert: gate.authority, tags: '1', ...settings }, env: outside });
}

/** Who showed a login at the registry's token server, beside the witness. */
function visitors(): readonly (string | undefined)[] {
  return [...new Set(registry.takeTokenRequests().map(({ user: name }) => name))].filter(
    (name) => name !== witness.username,
  );
}

/** Where in the registry the image is. */
async function published(repository: string): Promise<readonly string[]> {
  return listTags({ reference: `${registry.host}/${repository}`, login: witness });
}

const asked = (): readonly string[] => gate.questions.map(({ host, path }) => `${host}${path}`);
const formsSent = () => gate.questions.map(({ body }) => Object.fromEntries(new URLSearchParams(body)));

const federation = {
  oidc_token_id: 'oidc-token-of-the-step',
  project_number: '123',
  pool_id: 'pool',
  provider_id: 'provider',
  service_account_email: 'ci@acme.iam.gserviceaccount.com',
};

describe('Google', () => {
  it('takes a key as plugins/gcr does: raw, at gcr.io, which goes in front of the repository', async () => {
    const step = await run({ settings: { repo: 'acme/gcr-raw', json_key: key } });
    expectExit(step, 0);
    expect(await published('acme/gcr-raw')).toEqual(['1']);
    expect(visitors()).toEqual(['_json_key']);
    expect(gate.questions).toEqual([]);
    expect(step.output).toContain('login at gcr.io: settings json_key');
    expect(step.output).not.toContain('PRIVATE KEY');
  });

  it('takes a key as plugins/gar does: in base64, at the location', async () => {
    const settings = { repo: 'acme/team/app', location: 'europe-west1', json_key: Buffer.from(key).toString('base64') };
    const step = await run({ settings });
    expectExit(step, 0);
    expect(await published('acme/team/app')).toEqual(['1']);
    expect(gate.tunnels).toContain('europe-west1-docker.pkg.dev:443');
    expect(visitors()).toEqual(['_json_key']);
  });

  it.each(['GCR_JSON_KEY', 'GOOGLE_CREDENTIALS', 'TOKEN'])('finds the key in %s', async (name) => {
    const repo = `acme/by-${name.toLowerCase()}`;
    const step = await run({ settings: { repo, registry_type: 'GCR' }, env: { [name]: key } });
    expectExit(step, 0);
    expect(await published(repo)).toEqual(['1']);
    expect(visitors()).toEqual(['_json_key']);
  });

  it('makes a token of the key with workload_identity', async () => {
    const step = await run({ settings: { repo: 'acme/workload', json_key: key, workload_identity: 'true' } });
    expectExit(step, 0);
    expect(await published('acme/workload')).toEqual(['1']);
    expect(visitors()).toEqual(['oauth2accesstoken']);
    expect(asked()).toEqual(['oauth2.googleapis.com/token']);
    expect(step.output).not.toContain(googleToken);
  });

  it('exchanges the token of the step for one of the service account', async () => {
    const step = await run({ settings: { repo: 'acme/federated', ...federation } });
    expectExit(step, 0);
    expect(await published('acme/federated')).toEqual(['1']);
    expect(visitors()).toEqual(['oauth2accesstoken']);
    expect(asked()).toEqual([
      'sts.googleapis.com/v1/token',
      'iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/ci@acme.iam.gserviceaccount.com:generateAccessToken',
    ]);
    expect(formsSent()[0]).toMatchObject({
      audience: '//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/provider',
      subject_token: federation.oidc_token_id,
    });
    expect(gate.questions[1]?.authorization).toBe('Bearer federated-token');
  });

  it('asks the metadata server with workload_identity and nothing else', async () => {
    const metadata = createServer((incoming, answer) => {
      const isAsked = incoming.headers['metadata-flavor'] === 'Google';
      answer.writeHead(isAsked ? 200 : 403).end(JSON.stringify({ access_token: googleToken, expires_in: 1800 }));
    }).listen(0, '127.0.0.1');
    await once(metadata, 'listening');
    onTestFinished(() => void metadata.close());
    const address = metadata.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const env = { GCE_METADATA_HOST: `127.0.0.1:${port}`, http_proxy: 'http://127.0.0.1:1' };
    const step = await run({ settings: { repo: 'acme/machine', workload_identity: 'true' }, env });
    expectExit(step, 0);
    expect(visitors()).toEqual(['oauth2accesstoken']);
  });

  it('reads the file of GOOGLE_APPLICATION_CREDENTIALS when a host alone says that it is Google’s', async () => {
    const path = join(makeTemporaryFolder(), 'key.json');
    execFileSync('tee', [path], { input: key, stdio: ['pipe', 'ignore', 'inherit'] });
    const step = await run({ settings: { repo: 'gcr.io/acme/soft' }, env: { GOOGLE_APPLICATION_CREDENTIALS: path } });
    expectExit(step, 0);
    expect(await published('acme/soft')).toEqual(['1']);
    expect(visitors()).toEqual(['oauth2accesstoken']);
  });

  it('lets username and password win, and asks nobody', async () => {
    const settings = { repo: 'acme/explicit', json_key: key, workload_identity: 'true', ...writer };
    const step = await run({ settings });
    expectExit(step, 0);
    expect(visitors()).toEqual(['builder']);
    expect(gate.questions).toEqual([]);
  });

  it('says which repository has to exist where none is created', async () => {
    const step = await run({ settings: { repo: 'us-docker.pkg.dev/acme/missing/app', json_key: key } });
    expectExit(step, 4);
    expect(step.output).toMatch(/error: .*us-docker\.pkg\.dev\/acme\/missing\/app does not exist/);
    expect(step.output).toMatch(/try: the Artifact Registry repository missing in project acme must exist/);
  });

  it('goes on without a login where none is given, and says so', async () => {
    const step = await run({ settings: { repo: 'acme/nobody', registry_type: 'gcr' } });
    expectExit(step, 3);
    expect(step.output).toMatch(/warning: .*json_key.*nobody logs in/);
    expect(visitors()).toEqual([undefined]);
  });
});

const principal = { tenant_id: tenant, client_id: 'client-1' };
const acme = { registry: 'acme.azurecr.io' };

describe('Azure', () => {
  it('exchanges the token of a secret at the registry, and links to the portal', async () => {
    const cardPath = join(makeTemporaryFolder(), 'card.json');
    const settings = {
      repo: 'azure/secret',
      ...acme,
      ...principal,
      client_secret: 'client-secret-1',
      subscription_id: 'sub-1',
    };
    const step = await run({ settings, env: { DRONE_CARD_PATH: cardPath } });
    expectExit(step, 0);
    expect(await published('azure/secret')).toEqual(['1']);
    expect(visitors()).toEqual(['00000000-0000-0000-0000-000000000000']);
    const [token] = formsSent();
    expect(token).toEqual({
      grant_type: 'client_credentials',
      client_id: 'client-1',
      client_secret: 'client-secret-1',
      scope: 'https://management.azure.com/.default',
    });
    const exchanged = gate.questions.find(({ path }) => path === '/oauth2/exchange');
    expect(Object.fromEntries(new URLSearchParams(exchanged?.body))).toEqual({
      grant_type: 'access_token',
      service: 'acme.azurecr.io',
      tenant,
      access_token: 'aad-token',
    });
    expect(step.output).not.toMatch(new RegExp(`client-secret-1|aad-token|${azureToken}`));
    expect(JSON.parse(readFileSync(cardPath, 'utf8'))).toMatchObject({
      data: { URL: expect.stringContaining('https://portal.azure.com/#view/') },
    });
  });

  it('signs with a certificate', async () => {
    const request = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ci -keyout key.pem -out certificate.pem';
    execFileSync('openssl', request.split(' '), { cwd: folder.path, stdio: 'pipe' });
    const pem = ['key.pem', 'certificate.pem'].map((name) => readFileSync(join(folder.path, name), 'utf8')).join('');
    const settings = {
      repo: 'azure/certificate',
      ...acme,
      ...principal,
      client_certificate: Buffer.from(pem).toString('base64'),
    };
    const step = await run({ settings });
    expectExit(step, 0);
    expect(await published('azure/certificate')).toEqual(['1']);
    expect(formsSent()[0]).toMatchObject({ client_assertion: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) });
    expect(step.output).not.toContain(formsSent()[0]?.['client_assertion']);
  });

  it('trusts the token of the step', async () => {
    const settings = { repo: 'azure/federated', ...acme, ...principal, oidc_token_id: 'oidc-token-of-the-step' };
    const step = await run({ settings });
    expectExit(step, 0);
    expect(formsSent()[0]).toMatchObject({ client_assertion: 'oidc-token-of-the-step', client_id: 'client-1' });
    expect(visitors()).toEqual(['00000000-0000-0000-0000-000000000000']);
  });

  it('prefers settings to plain variables, which count for Azure only', async () => {
    const env = { TENANT_ID: 'another', CLIENT_ID: 'another', CLIENT_SECRET: 'client-secret-2' };
    const step = await run({ settings: { repo: 'azure/mixed', ...acme, ...principal }, env });
    expectExit(step, 0);
    expect(asked()[0]).toBe(`login.microsoftonline.com/${tenant}/oauth2/v2.0/token`);
    expect(formsSent()[0]).toMatchObject({ client_id: 'client-1', client_secret: 'client-secret-2' });
  });

  it('reads the token file of a cluster', async () => {
    const path = join(makeTemporaryFolder(), 'token');
    execFileSync('tee', [path], { input: 'token-of-the-cluster', stdio: ['pipe', 'ignore', 'inherit'] });
    const env = { AZURE_FEDERATED_TOKEN_FILE: path, AZURE_CLIENT_ID: 'client-2', AZURE_TENANT_ID: tenant };
    const step = await run({ settings: { repo: 'acme.azurecr.io/azure/cluster' }, env });
    expectExit(step, 0);
    expect(formsSent()[0]).toMatchObject({ client_assertion: 'token-of-the-cluster', client_id: 'client-2' });
  });

  it('sends the pair of a service principal as it is', async () => {
    const env = { SERVICE_PRINCIPAL_CLIENT_ID: 'sp-1', SERVICE_PRINCIPAL_CLIENT_SECRET: 'sp-secret-1' };
    const step = await run({ settings: { repo: 'azure/pair', ...acme }, env });
    expectExit(step, 0);
    expect(await published('azure/pair')).toEqual(['1']);
    expect(visitors()).toEqual(['sp-1']);
    expect(gate.questions).toEqual([]);
  });

  it('says what came back for a wrong secret, and ends with exit code 3', async () => {
    const settings = { repo: 'azure/wrong', ...acme, ...principal, client_secret: 'wrong-secret' };
    const step = await run({ settings });
    expectExit(step, 3);
    expect(step.output).toContain(
      'acr: access token at login.microsoftonline.com for client client-1: answered 401: invalid_client: AADSTS7000215: Invalid client secret provided.',
    );
    expect(step.output).toMatch(/try: .*client_secret/);
    expect(step.output).not.toContain('wrong-secret');
    expect(asked()).toHaveLength(1);
  });

  it('warns when the portal cannot be linked to', async () => {
    const settings = {
      repo: 'azure/unlinked',
      ...acme,
      ...principal,
      client_secret: 'client-secret-1',
      subscription_id: 'other',
    };
    const step = await run({ settings });
    expectExit(step, 0);
    expect(step.output).toMatch(/warning: acr: portal link .*AuthorizationFailed: no right to look/);
  });

  it('logs the daemon in as well, where the daemon pushes', async () => {
    const { host } = sharedEngine('docker-26.1-containerd');
    const settings = {
      repo: 'azure/daemon',
      registry: gate.address,
      registry_type: 'acr',
      ...principal,
      client_secret: 'x'.repeat(8),
    };
    const step = await run({ settings, host });
    expectExit(step, 0);
    expect(await published('azure/daemon')).toEqual(['1']);
    expect(visitors()).toEqual(['00000000-0000-0000-0000-000000000000']);
  });
});

describe('Heroku', () => {
  it('publishes for a process type with a key of the account, and says how to release', async () => {
    const step = await run({ settings: { app: 'shop', process_type: 'worker', api_key: herokuKey } });
    expectExit(step, 0);
    expect(await published('shop/worker')).toEqual(['1']);
    expect(visitors()).toEqual(['_']);
    expect(step.output).toContain('heroku container:release worker --app shop');
    expect(step.output).not.toContain(herokuKey);
  });

  it('takes the user of the step, serves web by default, and does not use repo and registry', async () => {
    const settings = { app: 'shop2', email: 'ci@example.com', repo: 'elsewhere/app', registry: 'registry.example.com' };
    const step = await run({ settings, env: { HEROKU_API_KEY: herokuKey } });
    expectExit(step, 0);
    expect(await published('shop2/web')).toEqual(['1']);
    expect(visitors()).toEqual(['ci@example.com']);
    expect(step.output).toMatch(/warning: settings\.repo: is not used/);
    expect(step.output).toMatch(/warning: settings\.registry: is not used/);
  });
});
