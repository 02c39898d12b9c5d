import { execFileSync } from 'node:child_process';
import { createHash, createVerify, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAzure } from '../../../src/credentials/azure-login.ts';
import type { AzureProof } from '../../../src/credentials/azure-token.ts';
import { failureOf, formOf, jwtPart, type ScriptedCloud, scriptedCloud, startTime } from './scripted-cloud.ts';

const tenantId = '11111111-2222-3333-4444-555555555555';
const clientId = 'app-1';
const secret: AzureProof = { kind: 'secret', secret: 's3cret-value' };
const host = 'acme.azurecr.io';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'azure-login-'));
  const request = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ci -keyout key.pem -out certificate.pem';
  execFileSync('openssl', request.split(' '), { cwd: folder, stdio: 'pipe' });
});
afterAll(() => rmSync(folder, { recursive: true }));

interface More {
  readonly authority?: string;
  readonly isOptional?: boolean;
  readonly subscriptionId?: string;
}

function open(cloud: ScriptedCloud, proof: AzureProof, more: More = {}) {
  const authority = 'https://login.microsoftonline.com';
  const identity = { tenantId, clientId, proof };
  const source = 'settings client_id';
  return openAzure({ identity, authority, hosts: [host], source, isOptional: false, ...more }, cloud.tools);
}

async function find(cloud: ScriptedCloud, proof: AzureProof, more: More = {}) {
  const { providers } = await open(cloud, proof, more);
  const [source] = providers;
  if (source === undefined) throw new Error('no provider');
  return source;
}

const accessToken = { status: 200, json: { access_token: 'aad-token', expires_in: 3599, token_type: 'Bearer' } };

function refreshToken(name: string, lifeSeconds: number) {
  const exp = Math.floor(startTime.getTime() / 1000) + lifeSeconds;
  const claims = Buffer.from(JSON.stringify({ exp, name })).toString('base64url');
  return { status: 200, json: { refresh_token: `e30.${claims}.signature` } };
}

describe('a service principal', () => {
  it('gets a token with its secret and exchanges it at the registry', async () => {
    const cloud = scriptedCloud(accessToken, { status: 200, json: { refresh_token: 'acr-refresh' } });
    const source = await find(cloud, secret);
    expect(await source.find(host)).toEqual({
      kind: 'basic',
      username: '00000000-0000-0000-0000-000000000000',
      password: 'acr-refresh',
      source: 'settings client_id',
    });
    expect(await source.find('other.azurecr.io')).toBeUndefined();
    const [token, exchange] = cloud.calls;
    expect(token?.url).toBe(`https://login.microsoftonline.com/${tenantId}/oauth2/v2.0/token`);
    expect(formOf(token)).toEqual({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: 's3cret-value',
      scope: 'https://management.azure.com/.default',
    });
    expect(exchange?.url).toBe(`https://${host}/oauth2/exchange`);
    expect(formOf(exchange)).toEqual({
      grant_type: 'access_token',
      service: host,
      tenant: tenantId,
      access_token: 'aad-token',
    });
  });

  it('signs with its certificate, which is named by its thumbprint', async () => {
    const certificate = readFileSync(join(folder, 'certificate.pem'), 'utf8');
    const key = readFileSync(join(folder, 'key.pem'), 'utf8');
    const cloud = scriptedCloud(accessToken, { status: 200, json: { refresh_token: 'acr-refresh' } });
    await (await find(cloud, { kind: 'certificate', certificate, key })).find(host);
    const { client_assertion: assertion = '', client_assertion_type: type } = formOf(cloud.calls[0]);
    expect(type).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    const { raw, publicKey } = new X509Certificate(certificate);
    expect(jwtPart(assertion, 0)).toMatchObject({
      alg: 'RS256',
      x5t: createHash('sha1').update(raw).digest('base64url'),
    });
    expect(jwtPart(assertion, 1)).toMatchObject({
      aud: cloud.calls[0]?.url,
      iss: clientId,
      sub: clientId,
      exp: Math.floor(startTime.getTime() / 1000) + 600,
    });
    const [header, claims, signature = ''] = assertion.split('.');
    const isSigned = createVerify('RSA-SHA256').update(`${header}.${claims}`).verify(publicKey, signature, 'base64url');
    expect(isSigned).toBe(true);
    expect(cloud.redacted).toContain(assertion);
  });

  it('proves itself with somebody else’s token, at the authority of the step', async () => {
    const cloud = scriptedCloud(accessToken, { status: 200, json: { refresh_token: 'acr-refresh' } });
    const proof: AzureProof = { kind: 'token', token: 'oidc-token', source: 'oidc_token_id' };
    await (await find(cloud, proof, { authority: 'https://login.microsoftonline.us/' })).find(host);
    expect(cloud.calls[0]?.url).toBe(`https://login.microsoftonline.us/${tenantId}/oauth2/v2.0/token`);
    expect(formOf(cloud.calls[0])).toEqual({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: 'oidc-token',
      scope: 'https://management.usgovcloudapi.net/.default',
    });
  });

  it('reads a token file again for each token, and gets a new login before the old one ends', async () => {
    const path = join(folder, 'token');
    writeFileSync(path, 'first-token\n');
    const cloud = scriptedCloud(accessToken, refreshToken('one', 3600), accessToken, refreshToken('two', 7200));
    const source = await find(cloud, { kind: 'token-file', path, source: 'AZURE_FEDERATED_TOKEN_FILE' });
    const first = await source.find(host);
    writeFileSync(path, 'second-token\n');
    cloud.pass(50 * 60_000);
    expect(await source.find(host)).toEqual(first);
    cloud.pass(6 * 60_000);
    expect(await source.find(host)).not.toEqual(first);
    expect(cloud.calls.map((call) => formOf(call)['client_assertion'])).toEqual([
      'first-token',
      undefined,
      'second-token',
      undefined,
    ]);
    expect(cloud.redacted).toContain('second-token');
  });
});

describe('a failure', () => {
  const refusal = (code: string, description: string, error = 'invalid_client') => ({
    status: 401,
    json: { error, error_description: `AADSTS${code}: ${description}\r\nTrace ID: 1\r\nCorrelation ID: 2` },
  });
  const foreign: AzureProof = { kind: 'token', token: 'oidc-token', source: 'oidc_token_id' };

  it.each([
    [
      'a wrong secret',
      secret,
      [refusal('7000215', "Invalid client secret provided for app 'app-1'.")],
      "acr: access token at login.microsoftonline.com for client app-1: answered 401: invalid_client: AADSTS7000215: Invalid client secret provided for app 'app-1'.",
      /client_secret/,
    ],
    [
      'an application without federated credential',
      foreign,
      [refusal('700213', 'No matching federated identity record found.')],
      'acr: access token at login.microsoftonline.com for client app-1: answered 401: invalid_client: AADSTS700213: No matching federated identity record found.',
      /federated credential.*oidc_token_id/,
    ],
    [
      'no role at the registry',
      secret,
      [accessToken, { status: 401, json: { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] } }],
      `acr: token exchange at ${host}: answered 401: UNAUTHORIZED: authentication required`,
      /AcrPush/,
    ],
    [
      'a registry that is not there',
      secret,
      [accessToken, 'unreachable' as const],
      `acr: token exchange at ${host}: ${host} cannot be reached (nobody there)`,
      /https_proxy/,
    ],
    [
      'an answer without a token',
      secret,
      [accessToken, { status: 200, json: { token: 'something else' } }],
      `acr: token exchange at ${host}: answered without a refresh token`,
      /^undefined$/,
    ],
  ])('says what came back for %s, and never a secret', async (_, proof, script, message, hint) => {
    const cloud = scriptedCloud(...script);
    const failure = await failureOf((await find(cloud, proof)).find(host));
    expect(failure).toMatchObject({ exitCode: 3, message });
    expect(String(failure.hint)).toMatch(hint);
    expect(`${failure.message} ${failure.hint ?? ''}`).not.toMatch(/s3cret-value|oidc-token/);
  });

  it('is a warning for a login that nobody asked for', async () => {
    const cloud = scriptedCloud(refusal('90002', 'Tenant not found.', 'invalid_request'));
    const source = await find(cloud, secret, { isOptional: true });
    expect(await source.find(host)).toBeUndefined();
    expect(await source.find(host)).toBeUndefined();
    expect(cloud.warnings).toHaveLength(1);
  });
});

describe('the link into the portal', () => {
  const id = '/subscriptions/sub-1/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acme';

  it('is made of what the management API finds by name, with the token that the login needs too', async () => {
    const refresh = { status: 200, json: { refresh_token: 'acr-refresh' } };
    const cloud = scriptedCloud(accessToken, { status: 200, json: { value: [{ id }] } }, refresh);
    const { portalUrl, providers } = await open(cloud, secret, { subscriptionId: 'sub-1' });
    expect(portalUrl).toBe(
      `https://portal.azure.com/#view/Microsoft_Azure_ContainerRegistries/TagMetadataBlade/registryId/${encodeURIComponent(id)}`,
    );
    const asked = new URL(cloud.calls[1]?.url ?? '');
    expect(`${asked.origin}${asked.pathname}`).toBe('https://management.azure.com/subscriptions/sub-1/resources');
    expect(Object.fromEntries(asked.searchParams)).toEqual({
      $filter: "resourceType eq 'Microsoft.ContainerRegistry/registries' and name eq 'acme'",
      'api-version': '2021-04-01',
      $select: 'id',
    });
    expect(cloud.calls[1]?.headers?.['authorization']).toBe('Bearer aad-token');
    expect(await providers[0]?.find(host)).toMatchObject({ password: 'acr-refresh' });
    expect(cloud.calls).toHaveLength(3);
  });

  it.each([
    [
      'nothing of that name',
      { status: 200, json: { value: [] } },
      /no registry acme\.azurecr\.io in subscription sub-1/,
    ],
    [
      'no right to look',
      { status: 403, json: { error: { code: 'AuthorizationFailed', message: 'not allowed' } } },
      /answered 403: AuthorizationFailed: not allowed/,
    ],
  ])('is missing, with a warning, for %s', async (_, answer, message) => {
    const cloud = scriptedCloud(accessToken, answer);
    const { portalUrl } = await open(cloud, secret, { subscriptionId: 'sub-1' });
    expect(portalUrl).toBeUndefined();
    expect(cloud.warnings).toEqual([expect.stringMatching(message)]);
  });
});
