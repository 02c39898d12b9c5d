// Settings of Google's, Azure's and Heroku's registries: what is read, and what is wrong with it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeStandingFolder } from '../../support/workspace.ts';
import { goodStep, readStep, type StepSettings } from './step.ts';

const key = { type: 'service_account', client_email: 'ci@acme.iam', private_key: 'a-private-key', project_id: 'acme' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const repo = 'eu.gcr.io/acme/app';

describe('json_key', () => {
  it.each([
    ['JSON', JSON.stringify(key)],
    ['JSON with line ends', `\n${JSON.stringify(key, undefined, 2)}\n`],
    ['base64 of it', base64(JSON.stringify(key))],
    ['base64 of it, folded', base64(JSON.stringify(key)).replace(/(.{64})/g, '$1\n')],
  ])('is read as %s, and all of it is masked', (_, text) => {
    const { settings, problems, redacted } = readStep({ repo, json_key: text });
    expect(problems).toEqual([]);
    expect(JSON.parse(settings?.values.json_key?.json ?? '')).toEqual(key);
    expect(redacted).toContain('a-private-key');
    expect(redacted).toContain(text);
  });

  it.each([
    ['not JSON', 'hunter22', 'neither JSON nor base64 of JSON'],
    ['cut off', '{"type":', 'is not JSON: the text ends too early'],
    ['a list', base64('[1]'), 'not a JSON object'],
    ['without type', '{"a":1}', 'it has no `type`'],
    ['of another type', '{"type":"magic-card"}', 'its `type` is not known'],
    ['without fields', '{"type":"service_account","project_id":"p"}', 'it lacks client_email, private_key'],
    [
      'for a program',
      '{"type":"external_account","audience":"a","subject_token_type":"t","credential_source":{"executable":{}}}',
      'wants a program to be run',
    ],
  ])('is wrong when it is %s, and not shown', (_, text, wrong) => {
    const { problems } = readStep({ repo, json_key: text });
    expect(problems).toEqual([expect.stringContaining(`settings.json_key: `)]);
    expect(problems[0]).toContain(wrong);
    expect(problems[0]).not.toMatch(/hunter22|magic-card/);
  });

  it('has to be a token where it is no key', () => {
    const user = JSON.stringify({ type: 'authorized_user', client_id: 'c', client_secret: 's', refresh_token: 'r' });
    expect(readStep({ repo, json_key: user }).problems).toEqual([
      expect.stringMatching(/^settings\.json_key: it is of type authorized_user, .*workload_identity: true/),
    ]);
    expect(readStep({ repo, json_key: user, workload_identity: 'true' }).problems).toEqual([]);
  });

  it('is not looked for in plain variables when a host alone says that the step is for Google', () => {
    expect(readStep({ repo, TOKEN: 'something else' }).problems).toEqual([]);
    const { problems } = readStep({ repo, registry_type: 'gcr', TOKEN: 'something else' });
    expect(problems).toEqual([expect.stringContaining('settings.json_key')]);
  });
});

const federation = {
  oidc_token_id: 'oidc-token',
  project_number: '1',
  pool_id: 'pool',
  provider_id: 'provider',
  service_account_email: 'ci@acme.iam',
};

describe('the five values of a federation', () => {
  it('are fine together', () => {
    expect(goodStep({ repo, ...federation }).warnings).toEqual([]);
  });

  it('are wrong when some are missing', () => {
    const { pool_id: _, provider_id: __, ...rest } = federation;
    const { problems } = readStep({ repo, ...rest });
    expect(problems).toEqual([expect.stringContaining('settings.oidc_token_id: pool_id, provider_id are missing;')]);
  });

  it('are a warning when some are missing and there is a key', () => {
    const { pool_id: _, ...rest } = federation;
    const { warnings } = goodStep({ repo, ...rest, json_key: JSON.stringify(key) });
    expect(warnings).toEqual([
      expect.stringMatching(/oidc_token_id: is not used, because pool_id is missing; json_key/),
    ]);
  });

  it('do nothing without the token', () => {
    const { warnings } = goodStep({ repo, pool_id: 'pool', json_key: JSON.stringify(key) });
    expect(warnings).toEqual([expect.stringContaining('pool_id: is not used without oidc_token_id')]);
  });
});

describe('a step for Google', () => {
  it('is warned when it has no login at all', () => {
    expect(goodStep({ repo, registry_type: 'gcr' }).warnings).toEqual([
      expect.stringMatching(/json_key.*nobody logs in/),
    ]);
  });

  it.each<StepSettings>([
    { workload_identity: 'true' },
    { username: 'u', password: 'pass-word' },
    { access_token: 'ya29.token' },
    { dry_run: 'true' },
  ])('is not warned with %j', (login) => {
    expect(goodStep({ repo, registry_type: 'gcr', ...login }).warnings).toEqual([]);
  });

  it('needs to know where its Artifact Registry is', () => {
    const json_key = JSON.stringify(key);
    const { problems } = readStep({ repo: 'acme/team/app', registry_type: 'gar', json_key });
    expect(problems).toEqual([expect.stringMatching(/^settings\.location: it is missing, and so is registry;/)]);
    for (const more of [
      { location: 'europe-west1' },
      { registry: 'eu-docker.pkg.dev' },
      { repo: 'eu-docker.pkg.dev/acme/team/app' },
    ]) {
      expect(readStep({ repo: 'acme/team/app', registry_type: 'gar', json_key, ...more }).problems).toEqual([]);
    }
    expect(readStep({ repo: 'a/b', location: 'eu west', json_key }).problems).toEqual([
      expect.stringMatching(/^settings\.location: it cannot be part of a host/),
    ]);
  });
});

const registry = 'acme.azurecr.io';
const principal = { tenant_id: 't', client_id: 'c' };

describe('a step for Azure', () => {
  it.each<[StepSettings, RegExp]>([
    [{ registry_type: 'acr', registry }, /tenant_id, client_id, client_secret, client_certificate or oidc_token_id/],
    [{ registry, tenant_id: 't' }, /: client_id, client_secret, client_certificate or oidc_token_id are missing/],
    [{ registry, ...principal }, /: client_secret, client_certificate or oidc_token_id is missing/],
    [{ registry, client_id: 'c', oidc_token_id: 'tok-en' }, /: tenant_id is missing/],
  ])('is wrong without a login: %j', (settings, wrong) => {
    const { problems } = readStep({ repo: 'app', ...settings });
    expect(problems).toEqual([expect.stringMatching(wrong)]);
    expect(problems[0]).toMatch(/tenant_id and one of client_secret, client_certificate and oidc_token_id/);
  });

  it.each<StepSettings>([
    { ...principal, client_secret: 'secret-1' },
    { ...principal, oidc_token_id: 'token-1' },
    { ...principal, AZURE_FEDERATED_TOKEN_FILE: '/var/run/token' },
    { registry_type: 'acr', TENANT_ID: 't', CLIENT_ID: 'c', CLIENT_SECRET: 'secret-1' },
    { SERVICE_PRINCIPAL_CLIENT_ID: 'sp', SERVICE_PRINCIPAL_CLIENT_SECRET: 'secret-1' },
    { registry_type: 'acr', username: 'acme', password: 'pass-word' },
    { registry_type: 'acr', dry_run: 'true' },
  ])('is fine with %j', (login) => {
    expect(readStep({ repo: 'app', registry, ...login }).problems).toEqual([]);
  });

  it('is wrong with half a pair', () => {
    const { problems } = readStep({ repo: 'app', registry, service_principal_client_id: 'sp' });
    expect(problems).toEqual([
      expect.stringMatching(/^settings\.service_principal_client_secret: it is missing, while/),
    ]);
  });

  it('needs to know its registry', () => {
    const login = { ...principal, client_secret: 'secret-1' };
    expect(readStep({ repo: 'app', ...login }).problems).toEqual([
      expect.stringMatching(/^settings\.registry: it is missing; must be the host .* acme\.azurecr\.io/),
    ]);
    expect(readStep({ repo: 'app', registry: 'azurecr.io', ...login }).problems).toEqual([
      expect.stringMatching(/^settings\.registry: azurecr\.io alone is no registry/),
    ]);
    expect(readStep({ repo: 'acme.azurecr.io/app', ...login }).problems).toEqual([]);
  });

  it('ignores plain variables of other programs when it is for another registry', () => {
    const { values } = goodStep({ CLIENT_ID: 'x', TENANT_ID: 'x', AZURE_AUTHORITY_HOST: 'not a url' });
    expect(values).toMatchObject({ client_id: undefined, tenant_id: undefined });
  });

  it.each([
    ['https://login.microsoftonline.us/', 'https://login.microsoftonline.us'],
    ['login.chinacloudapi.cn', 'https://login.chinacloudapi.cn'],
  ])('finds the authority %s', (azure_authority_host, expected) => {
    const step = goodStep({ repo: 'app', registry, ...principal, client_secret: 'secret-1', azure_authority_host });
    expect(step.values.azure_authority_host).toBe(expected);
  });

  it.each(['http://login.example.com', 'https://user@login.example.com', 'https://login.example.com/?a=b'])(
    'sends no secret to %s',
    (azure_authority_host) => {
      const settings = { repo: 'app', registry, ...principal, client_secret: 'secret-1', azure_authority_host };
      expect(readStep(settings).problems).toEqual([expect.stringMatching(/^settings\.azure_authority_host: /)]);
    },
  );
});

describe('client_certificate', () => {
  let pem: Readonly<Record<'key' | 'certificate' | 'other' | 'curve', string>>;
  beforeAll(() => {
    const { path: folder, remove } = makeStandingFolder();
    const make = (name: string, kind: string): string => {
      const request = `req -x509 -newkey ${kind} -nodes -days 2 -subj /CN=ci -keyout ${name}-key.pem -out ${name}.pem`;
      execFileSync('openssl', request.split(' '), { cwd: folder, stdio: 'pipe' });
      return readFileSync(join(folder, `${name}.pem`), 'utf8');
    };
    const certificate = make('rsa', 'rsa:2048');
    const other = make('other', 'rsa:2048');
    const curve = make('curve', 'ec -pkeyopt ec_paramgen_curve:prime256v1');
    const keyOf = (name: string): string => readFileSync(join(folder, `${name}-key.pem`), 'utf8');
    pem = { key: keyOf('rsa'), certificate, other, curve: keyOf('curve') + curve };
    remove();
  });

  const read = (client_certificate: string) => readStep({ repo: 'app', registry, ...principal, client_certificate });

  it('is PEM in any order, or base64 of it, with other certificates beside', () => {
    const { key: keyPem, certificate, other } = pem;
    for (const text of [keyPem + certificate, certificate + other + keyPem, base64(other + keyPem + certificate)]) {
      const { settings, problems, redacted } = read(text);
      expect(problems).toEqual([]);
      expect(settings?.values.client_certificate).toEqual({ certificate: certificate.trim(), key: keyPem.trim() });
      expect(redacted).toContain(text);
    }
  });

  it('is wrong in every other form, and not shown', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['hunter22', /neither PEM nor base64 of PEM.*\.pfx/],
      [pem.certificate, /holds no private key/],
      [pem.key, /holds no certificate/],
      [pem.key + pem.other, /belongs to none of its certificates/],
      [pem.curve, /is not an RSA key/],
    ];
    for (const [text, wrong] of cases) {
      const { problems } = read(text);
      expect(problems).toEqual([expect.stringMatching(/^settings\.client_certificate: /)]);
      expect(problems[0]).toMatch(wrong);
      expect(problems[0]).not.toMatch(/hunter22|BEGIN/);
    }
  });
});

describe('a step for Heroku', () => {
  const step = { repo: '', app: 'shop', api_key: 'heroku-key' };

  it('needs no repository', () => {
    expect(goodStep(step).values).toMatchObject({ app: 'shop', process_type: 'web' });
  });

  it('does not use repo and registry, and says so', () => {
    const { warnings } = goodStep({ ...step, repo: 'team/app', registry: 'registry.example.com' });
    expect(warnings).toEqual([
      expect.stringMatching(/^settings\.repo: is not used: the image goes to registry\.heroku\.com/),
      expect.stringMatching(/^settings\.registry: is not used: the image goes to registry\.heroku\.com/),
    ]);
  });

  it.each([
    [{ app: '' }, /^settings\.app: it is required and missing/],
    [{ api_key: '' }, /^settings\.api_key: it is required and missing/],
    [{ app: 'Shop/x' }, /^settings\.app: "Shop\/x" cannot be part of a repository/],
  ])('is wrong with %j', (change, wrong) => {
    expect(readStep({ ...step, process_type: 'web', ...change }).problems).toEqual([expect.stringMatching(wrong)]);
  });
});

describe('BASE_REGISTRY', () => {
  const json_key = JSON.stringify(key);

  it('is the last name of registry in a step for GCR', () => {
    const registryOf = (settings: StepSettings): string => goodStep({ json_key, ...settings }).values.registry.host;
    expect(registryOf({ repo: 'acme/app', BASE_REGISTRY: 'eu.gcr.io' })).toBe('eu.gcr.io');
    expect(registryOf({ repo: 'acme/app', registry: 'us.gcr.io', BASE_REGISTRY: 'eu.gcr.io' })).toBe('us.gcr.io');
    expect(registryOf({ repo: 'a/b', location: 'us', BASE_REGISTRY: 'eu.gcr.io' })).toBe('docker.io');
  });

  it('makes no step one for Google', () => {
    const { variant, values } = goodStep({ BASE_REGISTRY: 'eu.gcr.io' });
    expect(variant.name).toBe('docker');
    expect(values.registry.written).toBe('');
  });
});

describe('settings of another kind of registry', () => {
  it.each<[StepSettings, RegExp]>([
    [{ registry_type: 'docker', json_key: JSON.stringify(key) }, /json_key: is not used in registry type docker;/],
    [{ oidc_token_id: 'token-1' }, /oidc_token_id: is not used in registry type docker;/],
    [{ repo: 'acme.azurecr.io/app', subscription_id: 's' }, /subscription_id: is not used in .*only a host.* acr;/],
    [{ registry_type: 'ecr', app: 'shop' }, /app: is not used in registry type ecr;/],
  ])('are named in a warning: %j', (settings, warning) => {
    expect(goodStep(settings).warnings.filter((line) => line.includes('is not used in'))).toEqual([
      expect.stringMatching(warning),
    ]);
  });
});
