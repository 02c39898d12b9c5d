// For whom and where a step speaks to Amazon.
import { describe, expect, it } from 'vitest';
import type { CloudPlan } from '../../../src/plan/cloud-plan.ts';
import type { EcrPlan, EcrPublicPlan } from '../../../src/plan/ecr-plan.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { readBuildInfo } from '../../../src/settings/build-info.ts';
import { goodStep, workspace, type StepSettings } from '../settings/step.ts';

const facts = { DRONE_REPO: 'octo/my app', DRONE_BUILD_NUMBER: '42' };
const isAws = (plan: CloudPlan): plan is EcrPlan | EcrPublicPlan =>
  plan.variant === 'ecr' || plan.variant === 'ecr-public';
const clouds = (settings: StepSettings, env: Readonly<Record<string, string>> = facts, folder?: string) =>
  makePlan(goodStep(settings, folder), readBuildInfo(env), new Date(0)).clouds.filter(isAws);

const host = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const other = '999999999999.dkr.ecr.us-east-2.amazonaws.com';
const keys = { access_key: 'AKIAEXAMPLE', secret_key: 'secret-example' };
const arn = 'arn:aws:iam::123456789012:role/pusher';

describe('ECR', () => {
  it('is no matter of a step for other registries', () => {
    expect(clouds({ repo: 'reg.example/app', AWS_ACCESS_KEY_ID: 'AKIAX', AWS_SECRET_ACCESS_KEY: 'y' })).toEqual([]);
  });

  it('is asked with the keys of the settings', () => {
    expect(clouds({ ...keys, registry: host, repo: 'app', create_repository: 'true' })).toEqual([
      {
        variant: 'ecr',
        soft: false,
        region: 'eu-west-1',
        registry: host,
        needsRegistry: false,
        keys: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret-example' },
        repositories: { create: true },
      },
    ]);
  });

  it('is asked for its registry when nobody names one, but not in a dry run', () => {
    expect(clouds({ ...keys, repo: 'app' })).toMatchObject([{ needsRegistry: true, region: 'us-east-1' }]);
    expect(clouds({ ...keys, repo: 'app', dry_run: 'true' })).toMatchObject([{ needsRegistry: false }]);
    expect(clouds({ ...keys, repo: `${host}/app` })).toMatchObject([{ needsRegistry: false, region: 'eu-west-1' }]);
  });

  it('of a host that nobody asked for is soft, and gives logins to ECR hosts only', () => {
    expect(clouds({ registry: 'reg.example', repo: `${host}/app` })).toEqual([
      { variant: 'ecr', soft: true, region: 'eu-west-1', needsRegistry: false, repositories: { create: false } },
    ]);
  });

  it.each<[StepSettings, string]>([
    [{ region: 'ap-south-1', AWS_REGION: 'eu-north-1' }, 'ap-south-1'],
    [{ ECR_REGION: 'ap-south-1', aws_region: 'eu-north-1' }, 'ap-south-1'],
    [{ aws_region: 'ap-south-1', AWS_REGION: 'eu-north-1' }, 'ap-south-1'],
    [{ registry: host, AWS_REGION: 'eu-north-1' }, 'eu-west-1'],
    [{ AWS_REGION: 'eu-north-1', AWS_DEFAULT_REGION: 'eu-west-3' }, 'eu-north-1'],
    [{ AWS_DEFAULT_REGION: 'eu-west-3' }, 'eu-west-3'],
    [{}, 'us-east-1'],
  ])('is in the region of the first that says one: %j', (settings, region) => {
    expect(clouds({ ...keys, repo: 'app', ...settings })).toMatchObject([{ region }]);
  });

  it('gets the session token of temporary keys, and none with permanent ones', () => {
    const temporary = { access_key: 'ASIAEXAMPLE', secret_key: 'secret-example', session_token: 'session-example' };
    expect(clouds({ ...temporary, repo: 'app' })).toMatchObject([{ keys: { sessionToken: 'session-example' } }]);
    const [stale] = clouds({ ...keys, AWS_SESSION_TOKEN: 'left-over', repo: 'app' });
    expect(stale?.keys).toEqual({ accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret-example' });
  });

  it('of other entries of logins has sessions of their own, first of all', () => {
    const entry = { registry: other, aws_access_key_id: 'AKIAOTHER', aws_secret_access_key: 'other-secret' };
    expect(
      clouds({ ...keys, registry: host, repo: `app,${other}/app`, logins: JSON.stringify([entry]) }),
    ).toMatchObject([
      { onlyHost: other, region: 'us-east-2', soft: false, keys: { accessKeyId: 'AKIAOTHER' } },
      { registry: host, keys: { accessKeyId: 'AKIAEXAMPLE' } },
    ]);
  });

  it('takes the names of Woodpecker for the hosts at ECR, and leaves repo as written', () => {
    const settings = {
      repo: `${host}/app,reg.example/app`,
      aws_access_key_id: 'AKIAEXAMPLE',
      aws_secret_access_key: 'secret-example',
      ecr_create_repository: 'true',
      ecr_lifecycle_policy: 'policy.json',
    };
    expect(clouds(settings, facts, workspace({ 'policy.json': ' {"rules":[]}\n' }))).toMatchObject([
      {
        soft: true,
        region: 'eu-west-1',
        keys: { accessKeyId: 'AKIAEXAMPLE' },
        repositories: { create: true, lifecyclePolicy: '{"rules":[]}' },
      },
    ]);
  });

  it('hears what repositories get', () => {
    const settings = {
      ...keys,
      repo: 'app',
      create_repository: 'true',
      scan_on_push: 'false',
      tag_mutability: 'Immutable',
      lifecycle_policy: '{"rules":[]}',
      repository_policy: 'policies/access.json',
      registry_ids: '999999999999',
    };
    const folder = workspace({ 'policies/access.json': '{"Version":"2012-10-17"}' });
    expect(clouds(settings, facts, folder)).toMatchObject([
      {
        registryId: '999999999999',
        repositories: {
          create: true,
          scanOnPush: false,
          tagMutability: 'IMMUTABLE',
          lifecyclePolicy: '{"rules":[]}',
          repositoryPolicy: '{"Version":"2012-10-17"}',
        },
      },
    ]);
  });
});

describe('a role', () => {
  it('is taken on with keys and external id, in a session that names repository and build', () => {
    expect(clouds({ ...keys, repo: 'app', assume_role: arn, external_id: 'ext' })).toMatchObject([
      { role: { arn, externalId: 'ext', sessionName: 'docker-build-octo-my-app-42' } },
    ]);
  });

  it('is taken on with the token alone, which no external id goes with', () => {
    const [plan] = clouds({ repo: 'app', assume_role: arn, oidc_token_id: 'token-example', external_id: 'ext' });
    expect(plan).not.toHaveProperty('keys');
    expect(plan?.role).toEqual({ arn, webIdentityToken: 'token-example', sessionName: 'docker-build-octo-my-app-42' });
  });

  it('has a session name of at most 64 characters that keeps the number of the build', () => {
    const [plan] = clouds(
      { repo: 'app', assume_role: arn },
      { DRONE_REPO: `octo/${'x'.repeat(90)}`, CI_PIPELINE_NUMBER: '7' },
    );
    expect(plan?.role?.sessionName).toMatch(/^docker-build-octo-x{10,}-7$/);
    expect(plan?.role?.sessionName).toHaveLength(64);
    expect(clouds({ repo: 'app', assume_role: arn }, {})[0]?.role?.sessionName).toBe('docker-build');
  });
});

describe('public ECR', () => {
  it('answers in one region', () => {
    expect(clouds({ ...keys, registry: 'public.ecr.aws/alias', repo: 'app', region: 'eu-west-1' })).toMatchObject([
      { variant: 'ecr-public', soft: false, region: 'us-east-1' },
    ]);
  });

  it('beside private ECR is a cloud of its own', () => {
    expect(clouds({ ...keys, registry: host, repo: 'app,public.ecr.aws/alias/app' })).toMatchObject([
      { variant: 'ecr', soft: false },
      { variant: 'ecr-public', soft: true, keys: { accessKeyId: 'AKIAEXAMPLE' } },
    ]);
  });
});
