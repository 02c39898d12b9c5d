// Steps that were written for plugins/ecr, against a real registry whose password only Amazon's API hands out. That API is a
// local server, named by the variables with which the official SDK is told where AWS is.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AwsAnswer, type AwsRequest, type FakeAws, startFakeAws, tokenAnswer } from '../support/fake-aws.ts';
import { contrastingEngineKinds } from '../support/engines.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, pluginFolder, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags } from '../support/skopeo.ts';
import { makeWorkspace } from '../support/workspace.ts';

const password = 'password-inside-of-the-ecr-token';
const login = { username: 'AWS', password };
const keys = { access_key: 'AKIAFLOWTEST', secret_key: 'secret-key-of-the-flow-test' };
const arn = 'arn:aws:iam::123456789012:role/pusher';
const roleKeys = {
  AccessKeyId: 'ASIAROLE',
  SecretAccessKey: 'secret-key-of-the-role',
  SessionToken: 'session-token-of-the-role',
  Expiration: '2099-01-01T00:00:00Z',
};

let registry: TestRegistry;
let aws: FakeAws;
let answers: Readonly<Record<string, AwsAnswer>> = {};

beforeAll(async () => {
  registry = await startRegistry({ auth: 'htpasswd', users: { AWS: password } });
  const usual = (): Readonly<Record<string, AwsAnswer>> => ({
    GetAuthorizationToken: tokenAnswer(password, registry.host),
    CreateRepository: { result: { repository: {} } },
    PutLifecyclePolicy: { result: {} },
    SetRepositoryPolicy: { result: {} },
    PutImageScanningConfiguration: { result: {} },
    AssumeRole: { result: roleKeys },
    AssumeRoleWithWebIdentity: { result: roleKeys },
  });
  aws = await startFakeAws(
    ({ action }) => answers[action] ?? usual()[action] ?? { error: 'UnknownOperationException', message: action },
  );
});

afterEach(() => {
  answers = {};
  aws.forget();
});

afterAll(async () => {
  await aws.stop();
  await registry.stop();
});

const actions = (): readonly string[] => aws.requests().map(({ action }) => action);
const asked = (action: string): AwsRequest | undefined => aws.requests().find((request) => request.action === action);

function step(settings: PluginStep['settings'], more: Partial<PluginStep> = {}): PluginStep {
  const cwd = makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY content /\n', content: String(Math.random()) });
  return { cwd, settings, ...more, env: { ...aws.env, ...more.env } };
}

describe.each(contrastingEngineKinds)('a step for plugins/ecr on %s', (kind) => {
  const engine = sharedEngine(kind);

  it('publishes with access_key and secret_key, into a repository that it creates', async () => {
    const settings = {
      ...keys,
      registry: registry.host,
      region: 'eu-west-1',
      repo: `ecr/${kind}/created`,
      create_repository: true,
      tags: ['1', 'latest'],
    };
    const run = await runPlugin(step(settings, { host: engine.host }));
    expectExit(run, 0);
    expect(await listTags({ reference: `${registry.host}/ecr/${kind}/created`, login })).toEqual(['1', 'latest']);
    expect(run.output).toContain(
      'registry type ecr, because of the settings access_key, secret_key, create_repository',
    );
    expect(asked('CreateRepository')?.input).toEqual({ repositoryName: `ecr/${kind}/created` });
    expect(asked('GetAuthorizationToken')).toMatchObject({ accessKey: 'AKIAFLOWTEST', region: 'eu-west-1' });
    expect(actions().filter((action) => action === 'GetAuthorizationToken')).toHaveLength(1);
    for (const secret of [password, keys.secret_key, Buffer.from(`AWS:${password}`).toString('base64')]) {
      expect(run.output).not.toContain(secret);
    }
  });

  it('publishes to the registry of the account when no registry is named, and pulls from it', async () => {
    const repo = `ecr/${kind}/of-the-account`;
    const named = step({ ...keys, repo, tags: '1' }, { host: engine.host });
    expectExit(await runPlugin(named), 0);
    expect(await listTags({ reference: `${registry.host}/${repo}`, login })).toEqual(['1']);
    const from = makeWorkspace({ Dockerfile: `FROM ${registry.host}/${repo}:1\nLABEL again=yes\n` });
    const again = { ...keys, registry: registry.host, repo, tags: '2' };
    expectExit(await runPlugin(step(again, { host: engine.host, cwd: from })), 0);
    expect(await listTags({ reference: `${registry.host}/${repo}`, login })).toEqual(['1', '2']);
  });
});

describe('a step for plugins/ecr', () => {
  const engine = sharedEngine('docker-26.1-containerd');
  const build = (settings: PluginStep['settings'], more: Partial<PluginStep> = {}) =>
    step({ registry: registry.host, ...settings }, { host: engine.host, ...more });

  it('sets the policies of its repository from files, and scanning of one that exists', async () => {
    answers = { CreateRepository: { error: 'RepositoryAlreadyExistsException', message: 'it exists' } };
    const settings = {
      ...keys,
      repo: 'team/policies',
      create_repository: 'true',
      scan_on_push: 'true',
      lifecycle_policy: 'lifecycle.json',
      repository_policy: '{"Version":"2012-10-17"}',
    };
    const cwd = makeWorkspace({ Dockerfile: 'FROM scratch\nLABEL a=b\n', 'lifecycle.json': '{"rules":[]}' });
    expectExit(await runPlugin(build(settings, { cwd })), 0);
    const repositoryName = 'team/policies';
    expect(aws.requests().map(({ action, input }) => [action, input])).toEqual(
      expect.arrayContaining([
        ['CreateRepository', { repositoryName, imageScanningConfiguration: { scanOnPush: true } }],
        ['PutImageScanningConfiguration', { repositoryName, imageScanningConfiguration: { scanOnPush: true } }],
        ['PutLifecyclePolicy', { repositoryName, lifecyclePolicyText: '{"rules":[]}' }],
        ['SetRepositoryPolicy', { repositoryName, policyText: '{"Version":"2012-10-17"}' }],
      ]),
    );
  });

  it('takes on a role by the OIDC token of the pipeline, without any keys', async () => {
    const settings = {
      assume_role: arn,
      oidc_token_id: 'the-oidc-token-itself',
      repo: 'team/oidc',
      region: 'eu-west-1',
    };
    const facts = { DRONE_REPO: 'octo/app', DRONE_BUILD_NUMBER: '7' };
    const run = await runPlugin(build(settings, { env: facts }));
    expectExit(run, 0);
    expect(asked('AssumeRoleWithWebIdentity')).toMatchObject({
      accessKey: undefined,
      input: { RoleArn: arn, RoleSessionName: 'docker-build-octo-app-7', WebIdentityToken: 'the-oidc-token-itself' },
    });
    expect(asked('GetAuthorizationToken')).toMatchObject({
      accessKey: 'ASIAROLE',
      sessionToken: roleKeys.SessionToken,
    });
    for (const secret of ['the-oidc-token-itself', roleKeys.SecretAccessKey]) expect(run.output).not.toContain(secret);
  });

  it('takes on a role with its keys and the external id', async () => {
    const settings = { ...keys, assume_role: arn, external_id: 'ext-7', repo: 'team/role' };
    expectExit(await runPlugin(build(settings)), 0);
    expect(asked('AssumeRole')).toMatchObject({ accessKey: 'AKIAFLOWTEST', input: { ExternalId: 'ext-7' } });
  });

  it('finds keys in the environment of the machine, and in a profile', async () => {
    const cwd = makeWorkspace({
      Dockerfile: 'FROM scratch\nLABEL a=b\n',
      'aws-credentials': '[ci]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = secret-of-the-profile\n',
    });
    const settings = { repo: 'team/machine', registry_type: 'ECR' };
    const plain = {
      AWS_ACCESS_KEY_ID: 'AKIAMACHINE',
      AWS_SECRET_ACCESS_KEY: 'secret-of-the-machine',
      AWS_REGION: 'eu-west-2',
    };
    expectExit(await runPlugin(build(settings, { cwd, env: plain })), 0);
    expect(asked('GetAuthorizationToken')).toMatchObject({ accessKey: 'AKIAMACHINE', region: 'eu-west-2' });
    aws.forget();
    const profile = { AWS_PROFILE: 'ci', AWS_SHARED_CREDENTIALS_FILE: join(cwd, 'aws-credentials') };
    expectExit(await runPlugin(build(settings, { cwd, env: profile })), 0);
    expect(asked('GetAuthorizationToken')).toMatchObject({ accessKey: 'AKIAPROFILE' });
  });

  it('does not ask the cloud when it has username and password', async () => {
    const settings = { ...login, registry_type: 'ecr', repo: 'team/own-login' };
    expectExit(await runPlugin(build(settings)), 0);
    expect(actions()).toEqual([]);
    expect(await listTags({ reference: `${registry.host}/team/own-login`, login })).toEqual(['latest']);
  });

  it.each<[string, Readonly<Record<string, AwsAnswer>>, PluginStep['settings'], string, string]>([
    [
      'expired keys',
      { GetAuthorizationToken: { error: 'ExpiredTokenException', message: 'The security token is expired' } },
      keys,
      'error: ecr: login to eu-west-1: ExpiredTokenException: The security token is expired',
      'try: the keys have expired: set fresh ones, together with their session_token',
    ],
    [
      'a missing permission',
      { CreateRepository: { error: 'AccessDeniedException', message: 'User x is not authorized' } },
      { ...keys, create_repository: true },
      'error: ecr: create repository team/refused: AccessDeniedException: User x is not authorized',
      'try: the identity needs the permission ecr:CreateRepository',
    ],
    [
      'a role that does not trust it',
      { AssumeRole: { error: 'AccessDenied', message: 'not authorized to perform: sts:AssumeRole' } },
      { ...keys, assume_role: arn },
      `error: ecr: assume role ${arn}: AccessDenied: not authorized to perform: sts:AssumeRole`,
      `try: role ${arn} must trust this identity`,
    ],
    [
      'no keys anywhere',
      {},
      { registry_type: 'ecr' },
      'error: ecr: credentials: no AWS credentials; looked at: access_key/secret_key, environment',
      'try: set access_key and secret_key',
    ],
  ])('ends with exit code 3 before anything is built: %s', async (_, refusals, settings, message, hint) => {
    answers = refusals;
    const run = await runPlugin(build({ ...settings, repo: 'team/refused', region: 'eu-west-1' }));
    expectExit(run, 3);
    expect(run.output).toContain(message);
    expect(run.output).toContain(hint);
    expect(run.output).not.toMatch(/^#\d+ /m);
  });

  it('ends with exit code 2 and asks nobody when a policy is missing', async () => {
    const run = await runPlugin(build({ ...keys, repo: 'team/app', lifecycle_policy: 'gone.json' }));
    expectExit(run, 2);
    expect(run.output).toContain('settings.lifecycle_policy: ');
    expect(actions()).toEqual([]);
  });

  it('asks nobody in a dry run that pulls nothing', async () => {
    expectExit(await runPlugin(build({ ...keys, repo: 'team/dry', create_repository: true, dry_run: true })), 0);
    expect(actions()).toEqual([]);
  });
});

describe('a step without settings of a cloud', () => {
  it('loads no SDK of one', () => {
    const loaded = new Set<string>();
    const load = (path: string): void => {
      if (loaded.has(path)) return;
      loaded.add(path);
      const text = readFileSync(path, 'utf8');
      // What is imported without being asked for: `import{x}from"./a.js"`, `import"./a.js"`, `export{x}from"./a.js"`.
      for (const [, name] of text.matchAll(/(?:\bfrom|\bimport)"(\.[^"]+)"/g)) load(join(path, '..', name ?? ''));
    };
    load(join(pluginFolder, 'main.js'));
    expect(loaded.size).toBeGreaterThan(5);
    const texts = [...loaded].map((path) => readFileSync(path, 'utf8'));
    for (const mark of [
      'AmazonEC2ContainerRegistry',
      'SpencerFrontendService',
      'AWS4-HMAC-SHA256',
      'HttpsProxyAgent',
    ]) {
      expect(texts.filter((text) => text.includes(mark))).toEqual([]);
    }
  });
});
