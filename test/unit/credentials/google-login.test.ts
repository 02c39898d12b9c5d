import { createVerify, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type GoogleCredential, googleLogins } from '../../../src/credentials/google-login.ts';
import { failureOf, formOf, jwtPart, type ScriptedCloud, scriptedCloud } from './scripted-cloud.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const serviceAccount = JSON.stringify({
  type: 'service_account',
  project_id: 'acme',
  private_key_id: 'k1',
  private_key: pem,
  client_email: 'ci@acme.iam.gserviceaccount.com',
  token_uri: 'https://oauth2.googleapis.com/token',
});
const federation = {
  kind: 'federation',
  subjectToken: 'the-oidc-token',
  projectNumber: '123',
  poolId: 'drone',
  providerId: 'ci',
  serviceAccountEmail: 'ci@acme.iam.gserviceaccount.com',
} as const;

function logins(cloud: ScriptedCloud, credential: GoogleCredential, isOptional = false) {
  return googleLogins({ variant: 'gar', hosts: ['eu-docker.pkg.dev'], credential, isOptional }, cloud.tools);
}

const byFederation: GoogleCredential = { kind: 'token', from: federation, source: 'settings oidc_token_id' };

function byCredential(json: object | string): GoogleCredential {
  const text = typeof json === 'string' ? json : JSON.stringify(json);
  return { kind: 'token', from: { kind: 'credential', json: text, source: 'settings json_key' }, source: 'json_key' };
}

const inAnHour = '2026-01-02T04:04:05Z';

describe('a key', () => {
  it('is itself the password of _json_key, at the hosts of the step only, and Google is not asked', async () => {
    const cloud = scriptedCloud();
    const source = logins(cloud, { kind: 'json-key', json: serviceAccount, source: 'settings json_key' });
    expect(await source.find('EU-docker.pkg.dev')).toEqual({
      kind: 'basic',
      username: '_json_key',
      password: serviceAccount,
      source: 'settings json_key',
    });
    expect(await source.find('us-docker.pkg.dev')).toBeUndefined();
    expect(cloud.calls).toEqual([]);
  });
});

describe('federation', () => {
  it('exchanges the token and asks for one of the service account', async () => {
    const cloud = scriptedCloud(
      { status: 200, json: { access_token: 'federated', expires_in: 3600, token_type: 'Bearer' } },
      { status: 200, json: { accessToken: 'ya29.account', expireTime: inAnHour } },
    );
    expect(await logins(cloud, byFederation).find('eu-docker.pkg.dev')).toMatchObject({
      kind: 'basic',
      username: 'oauth2accesstoken',
      password: 'ya29.account',
    });
    const [exchange, impersonation] = cloud.calls;
    expect(exchange).toMatchObject({ method: 'POST', url: 'https://sts.googleapis.com/v1/token' });
    expect(exchange?.headers?.['content-type']).toContain('application/x-www-form-urlencoded');
    expect(formOf(exchange)).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience: '//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/drone/providers/ci',
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token: 'the-oidc-token',
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    });
    expect(impersonation).toMatchObject({
      method: 'POST',
      url: 'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/ci@acme.iam.gserviceaccount.com:generateAccessToken',
    });
    expect(impersonation?.headers?.['authorization']).toBe('Bearer federated');
    expect(JSON.parse(impersonation?.body ?? '')).toEqual({
      scope: ['https://www.googleapis.com/auth/cloud-platform'],
      lifetime: '3600s',
    });
  });

  it.each([
    [
      'the exchange says 400',
      [{ status: 400, json: { error: 'invalid_grant', error_description: 'The audience in ID Token does not match' } }],
      'gar: token exchange at sts.googleapis.com: answered 400: invalid_grant: The audience in ID Token does not match',
      /audience or the issuer.*provider ci/,
    ],
    [
      'the account may not be used',
      [
        { status: 200, json: { access_token: 'federated', expires_in: 3600 } },
        { status: 403, json: { error: { code: 403, status: 'PERMISSION_DENIED', message: 'Permission denied' } } },
      ],
      'gar: access token of the service account at iamcredentials.googleapis.com: answered 403: PERMISSION_DENIED: Permission denied',
      /iam\.workloadIdentityUser.*artifactregistry\.writer/,
    ],
    [
      'nobody answers',
      ['unreachable' as const],
      'gar: token exchange at sts.googleapis.com: sts.googleapis.com cannot be reached (nobody there)',
      /https_proxy/,
    ],
    [
      'the answer is a web page',
      [{ status: 502, json: '<html>bad gateway</html>' }],
      'gar: token exchange at sts.googleapis.com: answered 502',
      /^undefined$/,
    ],
  ])('ends with exit code 3 when %s, and is asked once', async (_, script, message, hint) => {
    const cloud = scriptedCloud(...script);
    const source = logins(cloud, byFederation);
    const failure = await failureOf(source.find('eu-docker.pkg.dev'));
    expect(failure).toMatchObject({ exitCode: 3, message });
    expect(String(failure.hint)).toMatch(hint);
    expect(await failureOf(source.find('eu-docker.pkg.dev'))).toBe(failure);
    expect(cloud.calls).toHaveLength(script.length);
  });
});

describe('workload identity', () => {
  it('signs for a service account', async () => {
    const cloud = scriptedCloud({ status: 200, json: { access_token: 'ya29.sa', expires_in: 3599 } });
    const found = await logins(cloud, byCredential(serviceAccount)).find('eu-docker.pkg.dev');
    expect(found).toMatchObject({ username: 'oauth2accesstoken', password: 'ya29.sa' });
    const [call] = cloud.calls;
    expect(call?.url).toBe('https://oauth2.googleapis.com/token');
    const { assertion = '', ...form } = formOf(call);
    expect(form).toEqual({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' });
    expect(jwtPart(assertion, 1)).toMatchObject({
      iss: 'ci@acme.iam.gserviceaccount.com',
      scope: 'https://www.googleapis.com/auth/cloud-platform',
    });
    const [header, claims, signature = ''] = assertion.split('.');
    expect(createVerify('RSA-SHA256').update(`${header}.${claims}`).verify(publicKey, signature, 'base64url')).toBe(
      true,
    );
  });

  it('exchanges the token file of an external account through the given transport', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'google-login-'));
    writeFileSync(join(folder, 'token'), 'token-of-the-cluster');
    const cloud = scriptedCloud({ status: 200, json: { access_token: 'ya29.external', expires_in: 3600 } });
    const credential = {
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k8s',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: 'https://sts.example.com/v1/token',
      credential_source: { file: join(folder, 'token') },
    };
    const found = await logins(cloud, byCredential(credential)).find('eu-docker.pkg.dev');
    rmSync(folder, { recursive: true });
    expect(found).toMatchObject({ password: 'ya29.external' });
    expect(cloud.calls[0]?.url).toBe('https://sts.example.com/v1/token');
    expect(formOf(cloud.calls[0])).toMatchObject({ subject_token: 'token-of-the-cluster' });
  });

  it('renews a user’s own token', async () => {
    const cloud = scriptedCloud({ status: 200, json: { access_token: 'ya29.user', expires_in: 3600 } });
    const user = { type: 'authorized_user', client_id: 'c', client_secret: 's', refresh_token: 'r' };
    expect(await logins(cloud, byCredential(user)).find('eu-docker.pkg.dev')).toMatchObject({ password: 'ya29.user' });
    expect(cloud.calls[0]?.url).toBe('https://oauth2.googleapis.com/token');
    expect(formOf(cloud.calls[0])).toMatchObject({ grant_type: 'refresh_token', refresh_token: 'r', client_id: 'c' });
  });

  it('acts as another account on behalf of the given one', async () => {
    const cloud = scriptedCloud(
      { status: 200, json: { access_token: 'ya29.source', expires_in: 3600 } },
      { status: 200, json: { accessToken: 'ya29.target', expireTime: inAnHour } },
    );
    const impersonated = {
      type: 'impersonated_service_account',
      source_credentials: JSON.parse(serviceAccount),
      service_account_impersonation_url:
        'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/push@acme.iam.gserviceaccount.com:generateAccessToken',
    };
    const found = await logins(cloud, byCredential(impersonated)).find('eu-docker.pkg.dev');
    expect(found).toMatchObject({ password: 'ya29.target' });
    expect(cloud.calls[1]?.url).toContain('push@acme.iam.gserviceaccount.com:generateAccessToken');
    expect(cloud.calls[1]?.headers?.['authorization']).toBe('Bearer ya29.source');
  });

  it('asks the metadata server, never through a proxy', async () => {
    const cloud = scriptedCloud({ status: 200, json: { access_token: 'ya29.machine', expires_in: 1800 } });
    const machine: GoogleCredential = { kind: 'token', from: { kind: 'metadata' }, source: 'the metadata server' };
    expect(await logins(cloud, machine).find('eu-docker.pkg.dev')).toMatchObject({ password: 'ya29.machine' });
    expect(cloud.calls).toEqual([]);
    expect(cloud.localCalls).toEqual([
      {
        method: 'GET',
        url: 'http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token',
        headers: { 'metadata-flavor': 'Google' },
      },
    ]);
  });

  it('reads the file of GOOGLE_APPLICATION_CREDENTIALS, and masks its key', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'google-login-'));
    const path = join(folder, 'key.json');
    writeFileSync(path, serviceAccount);
    const cloud = scriptedCloud({ status: 200, json: { access_token: 'ya29.file', expires_in: 3599 } });
    const credential: GoogleCredential = { kind: 'file', path, source: 'GOOGLE_APPLICATION_CREDENTIALS' };
    expect(await logins(cloud, credential).find('eu-docker.pkg.dev')).toMatchObject({ password: 'ya29.file' });
    rmSync(folder, { recursive: true });
    expect(cloud.redacted).toContain(pem);
  });

  it.each([
    ['a revoked key', byCredential(serviceAccount), [{ status: 400, json: { error: 'invalid_grant' } }], 3, /revoked/],
    [
      'a file that is not there',
      { kind: 'file', path: '/nowhere/key.json', source: 'G_A_C' } as const,
      [],
      3,
      /^undefined$/,
    ],
    ['a credential of an unknown type', byCredential({ type: 'magic' }), [], 2, /service account/],
    [
      'a credential that wants a program',
      byCredential({ type: 'external_account', credential_source: { executable: { command: '/bin/true' } } }),
      [],
      2,
      /service account/,
    ],
  ])('refuses %s', async (_, credential, script, exitCode, hint) => {
    const cloud = scriptedCloud(...script);
    const failure = await failureOf(logins(cloud, credential).find('eu-docker.pkg.dev'));
    expect(failure.exitCode).toBe(exitCode);
    expect(String(failure.hint)).toMatch(hint);
  });
});

describe('the life of a token', () => {
  const oneToken = (token: string) => ({ status: 200, json: { access_token: token, expires_in: 3600 } });
  const source = { kind: 'token', from: { kind: 'metadata' }, source: 'the metadata server' } as const;

  it('is asked for once, and again when five minutes are left', async () => {
    const cloud = scriptedCloud(oneToken('first'), oneToken('second'));
    const found = logins(cloud, source);
    const passwords = await Promise.all([1, 2, 3].map(async () => found.find('eu-docker.pkg.dev')));
    expect(passwords.map((login) => login?.kind === 'basic' && login.password)).toEqual(['first', 'first', 'first']);
    cloud.pass(54 * 60_000);
    expect(await found.find('eu-docker.pkg.dev')).toMatchObject({ password: 'first' });
    cloud.pass(2 * 60_000);
    expect(await found.find('eu-docker.pkg.dev')).toMatchObject({ password: 'second' });
    expect(cloud.localCalls).toHaveLength(2);
  });

  it('is used to its end when it cannot be renewed', async () => {
    const cloud = scriptedCloud(oneToken('first'), { status: 500, json: {} }, { status: 500, json: {} });
    const found = logins(cloud, source);
    await found.find('eu-docker.pkg.dev');
    cloud.pass(56 * 60_000);
    expect(await found.find('eu-docker.pkg.dev')).toMatchObject({ password: 'first' });
    expect(await found.find('eu-docker.pkg.dev')).toMatchObject({ password: 'first' });
    cloud.pass(5 * 60_000);
    await expect(found.find('eu-docker.pkg.dev')).rejects.toMatchObject({ exitCode: 3 });
    expect(cloud.localCalls).toHaveLength(3);
  });
});

describe('a login that nobody asked for', () => {
  it('is left out with one warning when it cannot be made', async () => {
    const cloud = scriptedCloud({ status: 400, json: { error: 'invalid_grant' } });
    const source = logins(cloud, byCredential(serviceAccount), true);
    expect(await source.find('eu-docker.pkg.dev')).toBeUndefined();
    expect(await source.find('eu-docker.pkg.dev')).toBeUndefined();
    expect(cloud.warnings).toEqual([expect.stringMatching(/^gar: .*goes on without this login$/)]);
    expect(cloud.calls).toHaveLength(1);
  });
});
