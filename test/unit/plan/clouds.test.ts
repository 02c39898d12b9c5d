// Which login the registries of Google, Azure and Heroku get, and which of several wins.
import { describe, expect, it } from 'vitest';
import { makePlan, type Plan } from '../../../src/plan/plan.ts';
import { readBuildInfo } from '../../../src/settings/build-info.ts';
import { goodStep, type StepSettings } from '../settings/step.ts';

const plan = (settings: StepSettings): Plan => makePlan(goodStep(settings), readBuildInfo({}), new Date(0));
const targets = ({ publish }: Plan) =>
  (publish?.targets ?? []).map(({ repository }) => `${repository.domain}/${repository.path}`);

const json_key = JSON.stringify({ type: 'service_account', client_email: 'e', private_key: 'k' });
const federation = {
  oidc_token_id: 'oidc-token',
  project_number: '1',
  pool_id: 'pool',
  provider_id: 'provider',
  service_account_email: 'ci@acme.iam',
};

describe('Google', () => {
  it.each<[string, StepSettings, object]>([
    ['a key', { json_key }, { kind: 'json-key', json: json_key }],
    ['a token of the key', { json_key, workload_identity: 'yes' }, { kind: 'token', from: { kind: 'credential' } }],
    ['federation before the key', { json_key, ...federation }, { kind: 'token', from: { kind: 'federation' } }],
    [
      'the file of the machine before its metadata server',
      { workload_identity: 'true', GOOGLE_APPLICATION_CREDENTIALS: '/key.json' },
      { kind: 'file', path: '/key.json' },
    ],
    ['the metadata server', { workload_identity: 'true' }, { kind: 'token', from: { kind: 'metadata' } }],
  ])('logs in by %s', (_, settings, credential) => {
    const { clouds } = plan({ repo: 'acme/app', ...settings });
    expect(clouds).toMatchObject([{ variant: 'gcr', soft: false, hosts: ['gcr.io'], credential }]);
  });

  it('logs in nowhere without any of them', () => {
    expect(plan({ repo: 'acme/app', registry_type: 'gcr' }).clouds).toEqual([]);
  });

  it('serves the registry of the step, behind whatever name, and Google’s own hosts', () => {
    const { clouds } = plan({ registry: 'mirror.acme.com', repo: 'acme/app,us.gcr.io/acme/app', json_key });
    expect(clouds).toMatchObject([{ hosts: ['mirror.acme.com', 'us.gcr.io'] }]);
  });

  it('serves what else is published to, and what is copied from', () => {
    const json = {
      json_key,
      extra_tags: 'us.gcr.io/acme/app:1',
      push_only: 'true',
      source_image: 'eu.gcr.io/acme/app:1',
    };
    expect(plan({ repo: 'acme/app', ...json }).clouds).toMatchObject([{ hosts: ['gcr.io', 'us.gcr.io', 'eu.gcr.io'] }]);
  });

  it('uses at a host alone what the machine has at hand, and nothing else', () => {
    const repo = 'europe-docker.pkg.dev/acme/team/app';
    expect(plan({ repo, GCR_JSON_KEY: json_key }).clouds).toEqual([]);
    expect(plan({ repo, GOOGLE_APPLICATION_CREDENTIALS: '/key.json' }).clouds).toEqual([
      {
        variant: 'gar',
        soft: true,
        hosts: ['europe-docker.pkg.dev'],
        credential: { kind: 'file', path: '/key.json', source: 'GOOGLE_APPLICATION_CREDENTIALS' },
      },
    ]);
  });

  it('puts its Artifact Registry in front', () => {
    const placed = plan({ repo: 'acme/team/app', location: 'europe-west1', json_key });
    expect(targets(placed)).toEqual(['europe-west1-docker.pkg.dev/acme/team/app']);
    expect(placed.registryFacts).toEqual({ registryType: 'GAR', registryUrl: 'europe-west1-docker.pkg.dev' });
  });
});

const registry = 'acme.azurecr.io';
const principal = { tenant_id: 't', client_id: 'c', client_secret: 'secret-1' };

describe('Azure', () => {
  it.each<[string, StepSettings, object]>([
    ['the secret', principal, { identity: { clientId: 'c', tenantId: 't', proof: { kind: 'secret' } } }],
    [
      'the token before the secret',
      { ...principal, oidc_token_id: 'token-1' },
      { identity: { proof: { kind: 'token' } } },
    ],
    [
      'the file of the cluster',
      { tenant_id: 't', client_id: 'c', AZURE_FEDERATED_TOKEN_FILE: '/token' },
      { identity: { proof: { kind: 'token-file', path: '/token' } } },
    ],
    [
      'the pair before all that is exchanged',
      { ...principal, service_principal_client_id: 'sp', service_principal_client_secret: 'sp-secret' },
      { kind: 'pair', username: 'sp', password: 'sp-secret' },
    ],
    ['a portal link too', { ...principal, subscription_id: 's' }, { subscriptionId: 's' }],
  ])('logs in by %s', (_, settings, login) => {
    const { clouds } = plan({ repo: 'app', registry, ...settings });
    expect(clouds).toMatchObject([{ variant: 'acr', soft: false, hosts: [registry], login }]);
  });

  it('is not asked when there is a user with a password', () => {
    const step = plan({ repo: 'app', registry, ...principal, username: 'acme', password: 'admin-password' });
    expect(step.clouds).toEqual([]);
    expect(step.registries.logins).toMatchObject([{ registry, username: 'acme' }]);
  });

  it('prefers a setting to a plain variable', () => {
    const { clouds } = plan({ repo: 'app', registry, ...principal, CLIENT_ID: 'other', TENANT_ID: 'other' });
    expect(clouds).toMatchObject([{ login: { identity: { clientId: 'c', tenantId: 't' } } }]);
  });

  it('uses at a host alone what the machine has at hand, and nothing else', () => {
    const repo = `${registry}/app`;
    expect(plan({ repo, TENANT_ID: 't', CLIENT_ID: 'c', CLIENT_SECRET: 'secret-1' }).clouds).toEqual([]);
    const machine = { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c', AZURE_CLIENT_SECRET: 'secret-1' };
    expect(plan({ repo, ...machine }).clouds).toMatchObject([
      { soft: true, hosts: [registry], login: { identity: { clientId: 'c', proof: { kind: 'secret' } } } },
    ]);
  });

  it('sends its tokens to registries only, never to Docker Hub', () => {
    const { clouds } = plan({ repo: 'reg.internal/app', ...principal });
    expect(clouds).toMatchObject([{ hosts: ['reg.internal'] }]);
  });
});

describe('Heroku', () => {
  it('has one registry, one repository for each process type, and a next step', () => {
    const step = plan({
      repo: 'not/used',
      registry: 'not.used',
      app: 'shop',
      process_type: 'worker',
      api_key: 'key-1',
    });
    expect(targets(step)).toEqual(['registry.heroku.com/shop/worker']);
    expect(step.clouds).toMatchObject([
      { login: { registry: 'registry.heroku.com', username: '_', password: 'key-1', source: 'settings api_key' } },
    ]);
    expect(step.registryFacts).toEqual({ registryType: 'Docker', registryUrl: 'registry.heroku.com' });
    expect(step.nextSteps).toEqual([expect.stringContaining('heroku container:release worker --app shop')]);
  });

  it('is user and password for everybody else', () => {
    const step = plan({ repo: 'registry.heroku.com/shop/web', username: 'u', password: 'pass-word' });
    expect(step.clouds).toEqual([]);
    expect(step.nextSteps).toEqual([]);
  });
});
