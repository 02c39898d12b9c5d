// Access tokens of Microsoft's identity platform for a service principal: client_credentials with a secret, with a signed
// assertion (certificate), or with somebody else's token that the application trusts (federation).
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
import { createHash, createSign, randomUUID, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { cloudFailure, describeAnswer, unreachable } from './cloud-failure.ts';
import type { CloudTools } from './cloud-tools.ts';
import { fieldOf, parseJson, textOf } from '../base/json-fields.ts';
import type { IssuedLogin } from './renewed-login.ts';

/** A service principal, and how it proves itself. */
export interface AzureIdentity {
  readonly tenantId: string;
  readonly clientId: string;
  readonly proof: AzureProof;
}

export type AzureProof =
  | { readonly kind: 'secret'; readonly secret: string }
  /** PEM texts. */
  | { readonly kind: 'certificate'; readonly certificate: string; readonly key: string }
  /** A token of another issuer; `source` names the setting. */
  | { readonly kind: 'token'; readonly token: string; readonly source: string }
  /** The same from a file that somebody renews. */
  | { readonly kind: 'token-file'; readonly path: string; readonly source: string };

/** Which of Microsoft's clouds an authority belongs to. */
export interface AzureCloud {
  readonly management: string;
  readonly portal: string;
}

const publicCloud: AzureCloud = { management: 'https://management.azure.com', portal: 'https://portal.azure.com' };
const governmentCloud: AzureCloud = {
  management: 'https://management.usgovcloudapi.net',
  portal: 'https://portal.azure.us',
};
const chinaCloud: AzureCloud = { management: 'https://management.chinacloudapi.cn', portal: 'https://portal.azure.cn' };

/** The cloud of an authority; the public one for hosts that are not known. */
export function azureCloudOf(authority: string): AzureCloud {
  const { hostname } = new URL(authority);
  if (hostname === 'login.microsoftonline.us') return governmentCloud;
  return hostname.endsWith('.chinacloudapi.cn') || hostname.endsWith('.microsoftonline.cn') ? chinaCloud : publicCloud;
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** Microsoft accepts at most a day; a request is over in seconds. */
const assertionLifeSeconds = 600;
/** For an answer that does not say. */
const minLifeSeconds = 60;

/** An access token for the management API, which a registry takes in exchange, as a password. Throws PluginError (3). */
export async function azureToken(identity: AzureIdentity, authority: string, tools: CloudTools): Promise<IssuedLogin> {
  const url = `${authority.replace(/\/+$/, '')}/${encodeURIComponent(identity.tenantId)}/oauth2/v2.0/token`;
  const step = `access token at ${new URL(url).host} for client ${identity.clientId}`;
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: identity.clientId,
    scope: `${azureCloudOf(authority).management}/.default`,
    ...(await proofFields(identity, url, tools)),
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await tools.http
    .send({ method: 'POST', url, headers, body: form.toString() }, tools.signal)
    .catch((error: unknown) => {
      throw unreachable('acr', step, error);
    });
  const json = parseJson(answer.text);
  const token = textOf(json, 'access_token');
  if (answer.status === 200 && token !== '') {
    const seconds = fieldOf(json, 'expires_in');
    const endMs = tools.now().getTime() + (typeof seconds === 'number' ? seconds : minLifeSeconds) * 1000;
    return { username: identity.clientId, password: token, expiresAt: new Date(endMs) };
  }
  const came = answer.status === 200 ? 'answered without an access token' : describeAnswer(answer);
  throw cloudFailure({ variant: 'acr', step, came, hint: hintFor(json, identity.proof) });
}

async function proofFields(
  { clientId, proof }: AzureIdentity,
  audience: string,
  tools: CloudTools,
): Promise<Readonly<Record<string, string>>> {
  switch (proof.kind) {
    case 'secret':
      return { client_secret: proof.secret };
    case 'token':
      return { client_assertion_type: assertionType, client_assertion: proof.token };
    case 'token-file':
      return { client_assertion_type: assertionType, client_assertion: await readToken(proof, tools) };
    case 'certificate': {
      const assertion = signAssertion(clientId, audience, proof, tools.now());
      tools.redact(assertion);
      return { client_assertion_type: assertionType, client_assertion: assertion };
    }
  }
}

async function readToken(
  { path, source }: { readonly path: string; readonly source: string },
  { redact }: CloudTools,
): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const came = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw cloudFailure({ variant: 'acr', step: `reading ${source} (${path})`, came, cause: error });
  });
  const token = text.trim();
  redact(token);
  return token;
}

/** https://learn.microsoft.com/entra/identity-platform/certificate-credentials; the thumbprint names the certificate. */
function signAssertion(
  clientId: string,
  audience: string,
  { certificate, key }: { readonly certificate: string; readonly key: string },
  now: Date,
): string {
  const { raw } = new X509Certificate(certificate);
  const thumbprint = (algorithm: 'sha1' | 'sha256'): string => createHash(algorithm).update(raw).digest('base64url');
  const header = { alg: 'RS256', typ: 'JWT', x5t: thumbprint('sha1'), 'x5t#S256': thumbprint('sha256') };
  const nowSeconds = Math.floor(now.getTime() / 1000);
  const claims = {
    aud: audience,
    iss: clientId,
    sub: clientId,
    jti: randomUUID(),
    nbf: nowSeconds,
    iat: nowSeconds,
    exp: nowSeconds + assertionLifeSeconds,
  };
  const encode = (value: object): string => Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
  const content = `${encode(header)}.${encode(claims)}`;
  return `${content}.${createSign('RSA-SHA256').update(content).sign(key, 'base64url')}`;
}

/** By the number in "AADSTS7000215"; learn.microsoft.com/entra/identity-platform/reference-error-codes */
const hints: ReadonlyMap<number, string> = new Map([
  [7000215, '`client_secret` must be the value of the secret, not its id'],
  [7000222, 'the secret has expired: make a new one and put it into `client_secret`'],
  [700016, '`client_id` is not known in the tenant of `tenant_id`'],
  [90002, '`tenant_id` is not known at this authority; other clouds have another `azure_authority_host`'],
  [900023, '`tenant_id` must be the id or the domain of a tenant'],
  [700027, 'the certificate of `client_certificate` must be registered with the application of `client_id`'],
  [700024, 'the token is too old or too new: the clock of this machine may be wrong'],
]);

const federationHint =
  'the application of `client_id` needs a federated credential for the issuer, subject and audience';

function hintFor(json: unknown, proof: AzureProof): string | undefined {
  const code = Number(/^AADSTS(\d+)/.exec(textOf(json, 'error_description'))?.[1]);
  const known = hints.get(code);
  if (known !== undefined) return known;
  const isForeign = proof.kind === 'token' || proof.kind === 'token-file';
  return isForeign && fieldOf(json, 'error') !== undefined
    ? `${federationHint} of the token (${proof.source})`
    : undefined;
}
