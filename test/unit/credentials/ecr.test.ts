// What Amazon is asked, by which identity and where, and what becomes of its answers. Answers have the shapes of its API.
import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AwsTools } from '../../../src/credentials/aws-connection.ts';
import { type EcrOptions, openEcr } from '../../../src/credentials/ecr.ts';
import { openEcrPublic } from '../../../src/credentials/ecr-public.ts';

const keys = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret-of-the-key' };
const host = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const arn = 'arn:aws:iam::123456789012:role/pusher';
const role = { arn, sessionName: 'docker-build-octo-app-7' };

const options: EcrOptions = {
  soft: false,
  region: 'eu-west-1',
  keys,
  needsRegistry: false,
  repositories: { create: false },
};

interface Heard {
  readonly host: string;
  readonly action: string;
  readonly body: unknown;
  readonly authorization: string | undefined;
  readonly sessionToken: string | undefined;
}

let heard: Heard[];
let redacted: string[];
let warnings: string[];
let now: Date;

beforeEach(() => {
  heard = [];
  redacted = [];
  warnings = [];
  now = new Date();
  nock.disableNetConnect();
});

afterEach(() => {
  const pending = nock.pendingMocks();
  nock.cleanAll();
  nock.enableNetConnect();
  // What a test expected to be asked, and was not.
  if (pending.length > 0) throw new Error(`nobody asked ${pending.join(', ')}`);
});

const tools = (): AwsTools => ({
  now: () => now,
  redact: (secret) => redacted.push(secret),
  log: { info: () => undefined, warn: (text) => warnings.push(text), debug: () => undefined },
  signal: new AbortController().signal,
  caCertificates: [],
});

/** Answers the next request to a host of AWS. */
function answer(apiHost: string, body: object | string, status = 200): void {
  nock(`https://${apiHost}`)
    .post('/')
    .reply(function (_, sent) {
      // The content type of AWS is none that nock takes for JSON.
      const text = typeof sent === 'string' ? sent : JSON.stringify(sent);
      const header = (name: string): string | undefined => {
        const value: unknown = this.req.headers[name];
        return Array.isArray(value) ? String(value[0]) : typeof value === 'string' ? value : undefined;
      };
      const action = header('x-amz-target') ?? /Action=(\w+)/.exec(text)?.[1] ?? '';
      heard.push({
        host: apiHost,
        action,
        body: readBody(text),
        authorization: header('authorization'),
        sessionToken: header('x-amz-security-token'),
      });
      return [status, body];
    });
}

function readBody(text: string): unknown {
  return text.startsWith('{') ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text));
}

const inHours = (hours: number): number => Math.floor(now.getTime() / 1000) + hours * 3600;

const token = (password: string, registry = host, hours = 12) => ({
  authorizationData: [
    {
      authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'),
      expiresAt: inHours(hours),
      proxyEndpoint: `https://${registry}`,
    },
  ],
});

const stsAnswer = (action: string, key: string) =>
  `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>` +
  `<AccessKeyId>${key}</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-session</SessionToken>` +
  `<Expiration>${new Date(now.getTime() + 3_600_000).toISOString()}</Expiration></Credentials></${action}Result></${action}Response>`;

const stsError = (code: string, message: string) =>
  `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code>` +
  `<Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`;

const error = (name: string, message: string) => ({ __type: name, message });

const find = async (opened: { readonly providers: readonly { find(host: string): Promise<unknown> }[] }, at: string) =>
  opened.providers[0]?.find(at);

describe('a login at private ECR', () => {
  it('is asked for in the region of the host, signed with the keys, and its secrets are masked', async () => {
    answer('api.ecr.eu-west-1.amazonaws.com', token('password-of-the-token'));
    const found = await find(await openEcr({ ...options, region: 'us-east-1' }, tools()), host);
    expect(found).toEqual({
      kind: 'basic',
      username: 'AWS',
      password: 'password-of-the-token',
      source: 'AWS (ECR in eu-west-1)',
    });
    expect(heard).toHaveLength(1);
    expect(heard[0]?.action).toBe('AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken');
    expect(heard[0]?.body).toEqual({});
    expect(heard[0]?.authorization).toMatch(/Credential=AKIAEXAMPLE\/\d{8}\/eu-west-1\/ecr\/aws4_request/);
    expect(heard[0]?.sessionToken).toBeUndefined();
    expect(redacted).toContain('password-of-the-token');
    expect(redacted).toContain(Buffer.from('AWS:password-of-the-token').toString('base64'));
  });

  it('is one for a region, also of several accounts, and another for another region', async () => {
    answer('api.ecr.eu-west-1.amazonaws.com', token('first'));
    answer('api.ecr.us-east-1.amazonaws.com', token('second'));
    const ecr = await openEcr(options, tools());
    expect(await find(ecr, host)).toMatchObject({ password: 'first' });
    expect(await find(ecr, host.replace('123456789012', '999999999999'))).toMatchObject({ password: 'first' });
    expect(await find(ecr, host.replace('eu-west-1', 'us-east-1'))).toMatchObject({ password: 'second' });
    expect(heard).toHaveLength(2);
  });

  it('goes to the registry of the settings, and to no other host that is not at ECR', async () => {
    answer('api.ecr.eu-west-1.amazonaws.com', token('mine'));
    const ecr = await openEcr({ ...options, registry: 'ecr.corp.example' }, tools());
    expect(await find(ecr, 'ecr.corp.example')).toMatchObject({ password: 'mine' });
    expect(await find(ecr, 'docker.io')).toBeUndefined();
    expect(await find(ecr, `${host}.example.com`)).toBeUndefined();
    expect(await find(ecr, 'public.ecr.aws')).toBeUndefined();
  });

  it('serves one host alone where an entry of logins says so', async () => {
    answer('api.ecr.us-east-2.amazonaws.com', token('entry'));
    const other = '999999999999.dkr.ecr.us-east-2.amazonaws.com';
    const ecr = await openEcr({ ...options, region: 'us-east-2', onlyHost: other }, tools());
    expect(await find(ecr, other)).toMatchObject({ password: 'entry' });
    expect(await find(ecr, host)).toBeUndefined();
  });

  it('names the registry of the account, with registry_ids of that account', async () => {
    answer('api.ecr.eu-west-1.amazonaws.com', token('p', '999999999999.dkr.ecr.eu-west-1.amazonaws.com'));
    const ecr = await openEcr({ ...options, needsRegistry: true, registryId: '999999999999' }, tools());
    expect(ecr.registry).toBe('999999999999.dkr.ecr.eu-west-1.amazonaws.com');
    expect(heard[0]?.body).toEqual({ registryIds: ['999999999999'] });
  });

  it('sends the session token of temporary keys', async () => {
    answer('api.ecr.eu-west-1.amazonaws.com', token('p'));
    await find(await openEcr({ ...options, keys: { ...keys, sessionToken: 'session' } }, tools()), host);
    expect(heard[0]?.sessionToken).toBe('session');
  });

  it('is renewed near its end, and not before', async () => {
    answer('api.ecr.eu-west-1.amazonaws.com', token('first'));
    const ecr = await openEcr(options, tools());
    await find(ecr, host);
    now = new Date(now.getTime() + 11 * 3_600_000);
    expect(await find(ecr, host)).toMatchObject({ password: 'first' });
    now = new Date(now.getTime() + 57 * 60_000);
    answer('api.ecr.eu-west-1.amazonaws.com', token('second'));
    expect(await Promise.all([find(ecr, host), find(ecr, host)])).toEqual([
      expect.objectContaining({ password: 'second' }),
      expect.objectContaining({ password: 'second' }),
    ]);
  });

  it('is asked for three times when AWS stumbles', async () => {
    answer('api.ecr.eu-west-1.amazonaws.com', error('ServerException', 'oops'), 500);
    answer('api.ecr.eu-west-1.amazonaws.com', error('ServerException', 'oops'), 503);
    answer('api.ecr.eu-west-1.amazonaws.com', token('third'));
    expect(await find(await openEcr(options, tools()), host)).toMatchObject({ password: 'third' });
    expect(heard).toHaveLength(3);
  });

  it.each([
    [
      error('ExpiredTokenException', 'The security token included in the request is expired'),
      'ecr: login to eu-west-1: ExpiredTokenException: The security token included in the request is expired',
      /keys have expired.*session_token/,
    ],
    [
      error('UnrecognizedClientException', 'The security token included in the request is invalid.'),
      'ecr: login to eu-west-1: UnrecognizedClientException: The security token included in the request is invalid.',
      /check access_key, secret_key and session_token/,
    ],
    [
      error('AccessDeniedException', 'User: u is not authorized to perform: ecr:GetAuthorizationToken on resource: *'),
      'ecr: login to eu-west-1: AccessDeniedException: User: u is not authorized to perform: ecr:GetAuthorizationToken on resource: *',
      /needs the permission ecr:GetAuthorizationToken/,
    ],
  ])('that AWS refuses is an error with its words, asked for once: %j', async (body, message, hint) => {
    answer('api.ecr.eu-west-1.amazonaws.com', body, 400);
    const ecr = await openEcr(options, tools());
    const expected = { exitCode: 3, message, hint: expect.stringMatching(hint) };
    await expect(find(ecr, host)).rejects.toMatchObject(expected);
    await expect(find(ecr, host)).rejects.toMatchObject(expected);
    expect(heard).toHaveLength(1);
  });

  it('whose token is missing in the answer is an error', async () => {
    answer('api.ecr.eu-west-1.amazonaws.com', { authorizationData: [] });
    await expect(find(await openEcr(options, tools()), host)).rejects.toMatchObject({ exitCode: 3 });
  });
});

describe('a role', () => {
  it('is taken on with the keys and the external id, once for several regions', async () => {
    answer('sts.eu-west-1.amazonaws.com', stsAnswer('AssumeRole', 'ASIAROLE'));
    answer('api.ecr.eu-west-1.amazonaws.com', token('p'));
    answer('api.ecr.us-east-1.amazonaws.com', token('p'));
    const ecr = await openEcr({ ...options, role: { ...role, externalId: 'ext' } }, tools());
    await find(ecr, host);
    await find(ecr, host.replace('eu-west-1', 'us-east-1'));
    expect(heard[0]?.body).toEqual({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: arn,
      RoleSessionName: 'docker-build-octo-app-7',
      ExternalId: 'ext',
    });
    expect(heard[0]?.authorization).toContain('Credential=AKIAEXAMPLE/');
    expect(heard[1]?.authorization).toContain('Credential=ASIAROLE/');
    expect(heard[1]?.sessionToken).toBe('role-session');
    expect(heard.map(({ host: at }) => at)).toEqual([
      'sts.eu-west-1.amazonaws.com',
      'api.ecr.eu-west-1.amazonaws.com',
      'api.ecr.us-east-1.amazonaws.com',
    ]);
    expect(redacted).toEqual(expect.arrayContaining(['role-secret', 'role-session']));
  });

  it('is taken on by a token without any keys and any signature', async () => {
    answer('sts.eu-west-1.amazonaws.com', stsAnswer('AssumeRoleWithWebIdentity', 'ASIAWEB'));
    answer('api.ecr.eu-west-1.amazonaws.com', token('p'));
    const { keys: _, ...withoutKeys } = options;
    await find(await openEcr({ ...withoutKeys, role: { ...role, webIdentityToken: 'oidc-token' } }, tools()), host);
    expect(heard[0]?.body).toMatchObject({
      Action: 'AssumeRoleWithWebIdentity',
      RoleArn: arn,
      WebIdentityToken: 'oidc-token',
    });
    expect(heard[0]?.authorization).toBeUndefined();
    expect(heard[0]?.sessionToken).toBeUndefined();
    expect(heard[1]?.authorization).toContain('Credential=ASIAWEB/');
  });

  it.each([
    [role, stsError('AccessDenied', 'not authorized to perform: sts:AssumeRole'), /must trust this identity/],
    [{ ...role, externalId: 'x' }, stsError('AccessDenied', 'no'), /trust this identity and this external_id/],
    [{ ...role, webIdentityToken: 't' }, stsError('AccessDenied', 'no'), /trust the issuer, the audience/],
    [
      { ...role, webIdentityToken: 't' },
      stsError('ExpiredTokenException', 'Token expired'),
      /oidc_token_id must be a fresh token/,
    ],
  ])('that cannot be taken on is an error about the role', async (wanted, body, hint) => {
    answer('sts.eu-west-1.amazonaws.com', body, 403);
    await expect(find(await openEcr({ ...options, role: wanted }, tools()), host)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining(`ecr: assume role ${arn}`),
      hint: expect.stringMatching(hint),
    });
    expect(heard).toHaveLength(1);
  });
});

describe('a repository in private ECR', () => {
  const repository = { domain: host, path: 'team/app' };
  const place = { repositoryName: 'team/app', registryId: '123456789012' };
  const prepare = async (repositories: EcrOptions['repositories'], which = repository) => {
    const ecr = await openEcr({ ...options, repositories }, tools());
    await ecr.prepareRepositories([which], new AbortController().signal);
    return heard.map(({ action, body }) => [action.split('.')[1], body]);
  };
  const exists = error('RepositoryAlreadyExistsException', 'The repository already exists');
  const api = 'api.ecr.eu-west-1.amazonaws.com';

  it('is left alone when nothing is asked', async () => {
    expect(await prepare({ create: false })).toEqual([]);
  });

  it('is created by its name without the host; what is not set stays with ECR', async () => {
    answer(api, { repository: {} });
    expect(await prepare({ create: true })).toEqual([['CreateRepository', place]]);
  });

  it('is created with scanning and mutability, in one call', async () => {
    answer(api, { repository: {} });
    expect(await prepare({ create: true, scanOnPush: true, tagMutability: 'IMMUTABLE' })).toEqual([
      [
        'CreateRepository',
        { ...place, imageScanningConfiguration: { scanOnPush: true }, imageTagMutability: 'IMMUTABLE' },
      ],
    ]);
  });

  it('that exists is fine, and keeps its scanning unless scan_on_push says otherwise', async () => {
    answer(api, exists, 400);
    expect(await prepare({ create: true })).toHaveLength(1);
    heard = [];
    answer(api, exists, 400);
    answer(api, {});
    expect((await prepare({ create: true, scanOnPush: false })).at(-1)).toEqual([
      'PutImageScanningConfiguration',
      { ...place, imageScanningConfiguration: { scanOnPush: false } },
    ]);
  });

  it('that exists with another mutability stays so, with a warning', async () => {
    answer(api, exists, 400);
    answer(api, { repositories: [{ imageTagMutability: 'MUTABLE' }] });
    expect((await prepare({ create: true, tagMutability: 'IMMUTABLE' })).at(-1)).toEqual([
      'DescribeRepositories',
      { registryId: '123456789012', repositoryNames: ['team/app'] },
    ]);
    expect(warnings).toEqual([expect.stringMatching(/tags of team\/app are mutable in ECR and stay so/)]);
  });

  it('gets its policies, also without create_repository', async () => {
    answer(api, {});
    answer(api, {});
    expect(
      await prepare({ create: false, lifecyclePolicy: '{"rules":[]}', repositoryPolicy: '{"Version":"x"}' }),
    ).toEqual([
      ['PutLifecyclePolicy', { ...place, lifecyclePolicyText: '{"rules":[]}' }],
      ['SetRepositoryPolicy', { ...place, policyText: '{"Version":"x"}' }],
    ]);
  });

  it('elsewhere is nobody’s business here', async () => {
    expect(await prepare({ create: true }, { domain: 'docker.io', path: 'a/b' })).toEqual([]);
  });

  it('that may not be created is an error that names the permission', async () => {
    answer(api, error('AccessDeniedException', 'User is not authorized'), 400);
    await expect(prepare({ create: true })).rejects.toMatchObject({
      exitCode: 3,
      message: 'ecr: create repository team/app: AccessDeniedException: User is not authorized',
      hint: expect.stringContaining('ecr:CreateRepository'),
    });
  });
});

describe('public ECR', () => {
  const publicOptions = { soft: false, region: 'us-east-1', keys, repositories: { create: false } };
  const api = 'api.ecr-public.us-east-1.amazonaws.com';

  it('gives a login for its one host', async () => {
    const [data] = token('public-password').authorizationData;
    answer(api, { authorizationData: data ?? {} });
    const ecr = openEcrPublic(publicOptions, tools());
    expect(await find(ecr, 'public.ecr.aws')).toMatchObject({ username: 'AWS', password: 'public-password' });
    expect(await find(ecr, host)).toBeUndefined();
    expect(heard.map(({ action }) => action)).toEqual(['SpencerFrontendService.GetAuthorizationToken']);
    expect(heard[0]?.authorization).toMatch(/\/us-east-1\/ecr-public\/aws4_request/);
  });

  it('creates a repository by its name without the alias, and sets its policy', async () => {
    answer(api, { repository: {} });
    answer(api, {});
    const repositories = { create: true, repositoryPolicy: '{}' };
    const ecr = openEcrPublic({ ...publicOptions, repositories }, tools());
    await ecr.prepareRepositories([{ domain: 'public.ecr.aws', path: 'alias/team/app' }], new AbortController().signal);
    expect(heard.map(({ action, body }) => [action.split('.')[1], body])).toEqual([
      ['CreateRepository', { repositoryName: 'team/app' }],
      ['SetRepositoryPolicy', { repositoryName: 'team/app', policyText: '{}' }],
    ]);
  });

  it('that refuses says which permissions are needed', async () => {
    answer(api, error('AccessDeniedException', 'no'), 400);
    await expect(find(openEcrPublic(publicOptions, tools()), 'public.ecr.aws')).rejects.toMatchObject({
      exitCode: 3,
      hint: expect.stringContaining('ecr-public:GetAuthorizationToken'),
    });
  });
});
