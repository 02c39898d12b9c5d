// Which kind of registry a step is for, and when plain variables count.
import { describe, expect, it } from 'vitest';
import { findGiven } from '../../../src/settings/given.ts';

function choose(environment: Readonly<Record<string, string>>) {
  const findings = { problems: [], warnings: [] };
  const { given, variant } = findGiven(environment, new Map(), () => undefined, findings);
  return { ...findings, variant, given: Object.fromEntries([...given].map(([name, { text }]) => [name, text])) };
}

const ecrHost = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';

describe('the kind of registry', () => {
  it.each<[string, Record<string, string>, string, boolean]>([
    ['nothing', {}, 'docker', false],
    ['registry_type in any case', { PLUGIN_REGISTRY_TYPE: 'GCR' }, 'gcr', false],
    ['registry_type before settings', { PLUGIN_REGISTRY_TYPE: 'Docker', PLUGIN_ACCESS_KEY: 'x' }, 'docker', false],
    ['docker before hosts', { PLUGIN_REGISTRY_TYPE: 'docker', PLUGIN_REGISTRY: ecrHost }, 'docker', false],
    ['provider', { PLUGIN_PROVIDER: 'acr' }, 'acr', false],
    ['the image', { DOCKER_BUILD_PROVIDER: 'heroku' }, 'heroku', false],
    ['a setting before the image', { PLUGIN_PROVIDER: 'acr', DOCKER_BUILD_PROVIDER: 'gar' }, 'acr', false],
    ['the image before settings', { DOCKER_BUILD_PROVIDER: 'gar', PLUGIN_ACCESS_KEY: 'x' }, 'gar', false],
    ['access_key', { PLUGIN_ACCESS_KEY: 'x' }, 'ecr', false],
    ['create_repository', { PLUGIN_CREATE_REPOSITORY: 'true' }, 'ecr', false],
    [
      'assume_role with a public host',
      { PLUGIN_ASSUME_ROLE: 'x', PLUGIN_REGISTRY: 'public.ecr.aws' },
      'ecr-public',
      false,
    ],
    ['a public repository', { PLUGIN_ACCESS_KEY: 'x', PLUGIN_REPO: 'public.ecr.aws/team/app' }, 'ecr-public', false],
    [
      'ecr by name and a public host',
      { DOCKER_BUILD_PROVIDER: 'ecr', PLUGIN_REPO: 'public.ecr.aws/a/b' },
      'ecr-public',
      false,
    ],
    ['create_repository at ACR', { PLUGIN_CREATE_REPOSITORY: 'true', PLUGIN_REGISTRY: 'acme.azurecr.io' }, 'acr', true],
    ['app', { PLUGIN_APP: 'x' }, 'heroku', false],
    ['tenant_id', { PLUGIN_TENANT_ID: 'x' }, 'acr', false],
    ['the one plain variable', { SERVICE_PRINCIPAL_CLIENT_ID: 'x' }, 'acr', false],
    ['location', { PLUGIN_LOCATION: 'us' }, 'gar', false],
    ['json_key', { PLUGIN_JSON_KEY: '{}' }, 'gcr', false],
    ['json_key and location', { PLUGIN_JSON_KEY: '{}', PLUGIN_LOCATION: 'us' }, 'gar', false],
    ['json_key and a host', { PLUGIN_JSON_KEY: '{}', PLUGIN_REPO: 'us-docker.pkg.dev/p/r/app' }, 'gar', false],
    ['the host of the registry', { PLUGIN_REGISTRY: `https://${ecrHost}/` }, 'ecr', true],
    ['the FIPS host', { PLUGIN_REPO: '123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/app' }, 'ecr', true],
    ['the host in China', { PLUGIN_REPO: '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app' }, 'ecr', true],
    ['a public host alone', { PLUGIN_REPO: 'public.ecr.aws/team/app' }, 'ecr-public', true],
    ['the second repository', { PLUGIN_REPO: 'acme/app,eu.gcr.io/p/app' }, 'gcr', true],
    ['repositories as JSON', { PLUGIN_REPO: '["acme/app", "acme.azurecr.cn/app"]' }, 'acr', true],
    [
      'a lookalike',
      { PLUGIN_REPO: '123.dkr.ecr.eu-west-1.amazonaws.com/app,gcr.io.example.com/a,notgcr.io/b' },
      'docker',
      false,
    ],
    ['Heroku’s host', { PLUGIN_REPO: 'registry.heroku.com/app/web' }, 'heroku', true],
    ['Woodpecker’s names', { PLUGIN_AWS_ACCESS_KEY_ID: 'x', PLUGIN_ECR_CREATE_REPOSITORY: 'true' }, 'docker', false],
    ['plain variables', { AWS_ACCESS_KEY_ID: 'x', TOKEN: 'x', CLIENT_ID: 'x', AWS_REGION: 'x' }, 'docker', false],
  ])('by %s', (_, environment, name, soft) => {
    expect(choose(environment)).toMatchObject({ variant: { name, soft }, problems: [] });
  });

  it('comes with its reason', () => {
    expect(choose({ PLUGIN_ACCESS_KEY: 'x', PLUGIN_SECRET_KEY: 'y' }).variant.reason).toBe(
      'the settings access_key, secret_key',
    );
    expect(choose({ PLUGIN_REPO: `${ecrHost}/app` }).variant.reason).toBe(`the host of repo (${ecrHost})`);
  });

  it('cannot be two: settings of two kinds are a problem that names both', () => {
    expect(choose({ PLUGIN_ACCESS_KEY: 'x', PLUGIN_TENANT_ID: 'y', PLUGIN_CLIENT_ID: 'z' }).problems).toEqual([
      'settings.registry_type: access_key belongs to ecr, and client_id, tenant_id to acr; must be set to one of them, or the settings of the other be left out',
    ]);
    expect(choose({ PLUGIN_JSON_KEY: 'x', PLUGIN_APP: 'y' }).problems).toHaveLength(1);
    expect(choose({ PLUGIN_JSON_KEY: 'x', PLUGIN_APP: 'y', PLUGIN_REGISTRY_TYPE: 'heroku' }).problems).toEqual([]);
  });
});

describe('a plain variable of a cloud', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'x', AWS_REGION: 'eu-west-1' };

  it('counts when the step is for that cloud', () => {
    expect(choose({ ...keys, PLUGIN_REPO: `${ecrHost}/app` }).given).toMatchObject({
      access_key: 'x',
      region: 'eu-west-1',
    });
    expect(choose({ ...keys, DOCKER_BUILD_PROVIDER: 'ecr' }).given).toMatchObject({ access_key: 'x' });
  });

  it('means nothing otherwise', () => {
    expect(choose({ ...keys, PLUGIN_REPO: 'gcr.io/p/app' }).given).toEqual({ repo: 'gcr.io/p/app' });
    expect(choose(keys).given).toEqual({});
  });
});
