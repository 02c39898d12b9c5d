// ECR under its real names: a step of a network that has one way out, a proxy, and an authority of its own. Nothing but the
// settings of a user of plugins/ecr says where Amazon is.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CloudGate, type CloudQuestion, startCloudGate } from '../support/cloud-gate.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags } from '../support/skopeo.ts';
import { makeWorkspace } from '../support/workspace.ts';

const password = 'password-inside-of-the-ecr-token';
const login = { username: 'AWS', password };
const ecrHost = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const api = 'api.ecr.eu-west-1.amazonaws.com';
const publicApi = 'api.ecr-public.us-east-1.amazonaws.com';
const keys = { access_key: 'AKIAFLOWTEST', secret_key: 'secret-key-of-the-flow-test' };

let registry: TestRegistry;
let gate: CloudGate;

const token = {
  authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'),
  expiresAt: Math.floor(Date.now() / 1000) + 12 * 3600,
  proxyEndpoint: `https://${ecrHost}`,
};

beforeAll(async () => {
  registry = await startRegistry({ auth: 'htpasswd', users: { AWS: password } });
  const answer = (authorizationData: unknown) => {
    return ({ body }: CloudQuestion) => ({
      status: 200,
      json: body.includes('repositoryName') ? { repository: {} } : { authorizationData },
      headers: { 'content-type': 'application/x-amz-json-1.1' },
    });
  };
  gate = await startCloudGate({
    [api]: { service: answer([token]) },
    [publicApi]: { service: answer(token) },
    [ecrHost]: { registry },
    'public.ecr.aws': { registry },
  });
});

afterAll(async () => {
  await gate.stop();
  await registry.stop();
});

// On a containerd store the daemon pushes by itself, and has a network of its own.
const engine = sharedEngine('docker-26.1-graphdriver');

async function run(settings: PluginStep['settings'], env: PluginStep['env'] = {}) {
  gate.forget();
  return await runPlugin({
    cwd: makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY content /\n', content: 'x' }),
    host: engine.host,
    settings: { ca_cert: gate.authority, ...settings },
    env: { HTTPS_PROXY: gate.proxy, AWS_EC2_METADATA_DISABLED: 'true', ...env },
  });
}

it('publishes to the registry of the account: nothing says its name but Amazon', async () => {
  const step = await run({ ...keys, region: 'eu-west-1', repo: 'team/app', tags: ['1', '2'], create_repository: true });
  expectExit(step, 0);
  expect(await listTags({ reference: `${registry.host}/team/app`, login })).toEqual(['1', '2']);
  expect(new Set(gate.tunnels)).toEqual(new Set([`${api}:443`, `${ecrHost}:443`]));
  expect(gate.questions.map(({ body }) => JSON.parse(body))).toEqual([
    {},
    { repositoryName: 'team/app', registryId: '123456789012' },
  ]);
  expect(step.output).toContain(`${ecrHost}/team/app`);
});

it('publishes by a host and the keys of the machine alone, as plugins/docker users write it', async () => {
  const plain = { AWS_ACCESS_KEY_ID: 'AKIAMACHINE', AWS_SECRET_ACCESS_KEY: 'secret-of-the-machine' };
  const step = await run({ repo: `${ecrHost}/team/by-host` }, plain);
  expectExit(step, 0);
  expect(step.output).toContain(`registry type ecr, because of the host of repo (${ecrHost})`);
  expect(await listTags({ reference: `${registry.host}/team/by-host`, login })).toEqual(['latest']);
  expect(gate.questions[0]?.authorization).toMatch(/Credential=AKIAMACHINE\/\d+\/eu-west-1\/ecr\//);
});

it('goes on without a login when only a host speaks for ECR and the machine has no keys', async () => {
  const step = await run({ repo: `${ecrHost}/team/anonymous` });
  expectExit(step, 3);
  expect(gate.questions).toEqual([]);
  expect(step.output).toContain(`${ecrHost} wants a login`);
});

it('takes the names of Woodpecker for the hosts at ECR, and creates the repository there', async () => {
  const step = await run({
    aws_access_key_id: 'AKIAWOODPECKER',
    aws_secret_access_key: 'secret-of-woodpecker',
    ecr_create_repository: true,
    repo: `${ecrHost}/team/woodpecker`,
  });
  expectExit(step, 0);
  expect(await listTags({ reference: `${registry.host}/team/woodpecker`, login })).toEqual(['latest']);
  expect(gate.questions.map(({ body }) => JSON.parse(body))).toContainEqual({
    repositoryName: 'team/woodpecker',
    registryId: '123456789012',
  });
});

it('uses the session of an entry of logins', async () => {
  const entry = { registry: ecrHost, aws_access_key_id: 'AKIAENTRY', aws_secret_access_key: 'secret-of-the-entry' };
  const step = await run({ logins: JSON.stringify([entry]), repo: `${ecrHost}/team/entry` });
  expectExit(step, 0);
  expect(gate.questions[0]?.authorization).toContain('Credential=AKIAENTRY/');
});

it('publishes to public ECR, whose repositories are created without the alias', async () => {
  const step = await run({ ...keys, registry: 'public.ecr.aws/octo', repo: 'app', create_repository: true });
  expectExit(step, 0);
  expect(await listTags({ reference: `${registry.host}/octo/app`, login })).toEqual(['latest']);
  expect(gate.questions.map(({ host }) => host)).toContain(publicApi);
  expect(gate.questions.map(({ body }) => JSON.parse(body))).toContainEqual({ repositoryName: 'app' });
});
