// Logins at Azure's registries: the access token of a service principal is exchanged, at the registry itself, for a refresh
// token, which is the password of a user that is all zeros. And the address of the registry in Azure's portal.
// https://azure.github.io/acr/AAD-OAuth.html
import type { CredentialSource } from '../base/credentials.ts';
import { PluginError } from '../base/plugin-error.ts';
import { registryHost } from '../base/registry-host.ts';
import { type AzureIdentity, azureCloudOf, azureToken } from './azure-token.ts';
import { cloudFailure, describeAnswer, unreachable } from './cloud-failure.ts';
import type { CloudTools } from './cloud-tools.ts';
import { arrayOf, fieldOf, parseJson, textOf } from '../base/json-fields.ts';
import { isThatOf, type IssuedLogin, renewedLogin } from './renewed-login.ts';

export interface AzureLogins {
  readonly identity: AzureIdentity;
  /** URL of the identity platform. */
  readonly authority: string;
  /** `host[:port]` of the registries that get a login. */
  readonly hosts: readonly string[];
  /** Names the settings. */
  readonly source: string;
  /** A login that cannot be made is a warning, and nobody logs in. */
  readonly isOptional: boolean;
  /** Absent: nobody wants a link to the portal. */
  readonly subscriptionId?: string;
}

const tokenUser = '00000000-0000-0000-0000-000000000000';
/** By the documentation, when a token does not say. */
const usualLifeMs = 3 * 60 * 60_000;

/**
 * Opens Azure. A login for exactly these hosts is obtained when it is needed, and its `find` throws PluginError (3); only the
 * portal is asked at once, when somebody wants a link to the first host.
 */
export async function openAzure(
  logins: AzureLogins,
  tools: CloudTools,
): Promise<{ readonly providers: readonly CredentialSource[]; readonly portalUrl?: string }> {
  const accessToken = renewedLogin(() => azureToken(logins.identity, logins.authority, tools), tools.now);
  const ask = async (): Promise<string> => (await accessToken()).password;
  const providers = [providerFor(logins, ask, tools)];
  const [host] = logins.hosts;
  if (logins.subscriptionId === undefined || host === undefined) return { providers };
  const portalUrl = await findPortalUrl(host, logins.subscriptionId, logins.authority, ask, tools).catch(
    (error: unknown) => {
      if (!(error instanceof PluginError)) throw error;
      tools.log.warn(`${error.message}; the step goes on without a link to the portal`);
      return undefined;
    },
  );
  return { providers, ...(portalUrl === undefined ? {} : { portalUrl }) };
}

function providerFor(logins: AzureLogins, accessToken: () => Promise<string>, tools: CloudTools): CredentialSource {
  const byHost = new Map(
    logins.hosts.map((name) => {
      const host = registryHost(name);
      return [host, renewedLogin(async () => exchange(host, logins, await accessToken(), tools), tools.now)];
    }),
  );
  const failed = new Set<string>();
  return {
    searched: `the acr login (for ${[...byHost.keys()].join(', ')})`,
    async find(name) {
      const host = registryHost(name);
      const login = byHost.get(host);
      if (login === undefined || failed.has(host)) return undefined;
      try {
        const { username, password } = await login();
        return { kind: 'basic', username, password, source: logins.source };
      } catch (error) {
        if (!logins.isOptional || !(error instanceof PluginError)) throw error;
        failed.add(host);
        tools.log.warn(`${error.message}; the step goes on without this login`);
        return undefined;
      }
    },
    renew: (name, refused) => byHost.get(registryHost(name))?.forget(isThatOf(refused)) === true,
  };
}

async function exchange(
  host: string,
  { identity }: AzureLogins,
  accessToken: string,
  tools: CloudTools,
): Promise<IssuedLogin> {
  const step = `token exchange at ${host}`;
  const form = new URLSearchParams({
    grant_type: 'access_token',
    service: host,
    tenant: identity.tenantId,
    access_token: accessToken,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const url = `https://${host}/oauth2/exchange`;
  const answer = await tools.http
    .send({ method: 'POST', url, headers, body: form.toString() }, tools.signal)
    .catch((error: unknown) => {
      throw unreachable('acr', step, error);
    });
  const password = textOf(parseJson(answer.text), 'refresh_token');
  if (answer.status !== 200 || password === '') {
    const came = answer.status === 200 ? 'answered without a refresh token' : describeAnswer(answer);
    const isRefused = answer.status === 401 || answer.status === 403;
    const hint = isRefused
      ? `client ${identity.clientId} needs a role such as AcrPush at ${host}, which must be in the tenant of \`tenant_id\``
      : undefined;
    throw cloudFailure({ variant: 'acr', step, came, hint });
  }
  const expiresAt = new Date(endOf(password) ?? tools.now().getTime() + usualLifeMs);
  return { username: tokenUser, password, expiresAt };
}

/** `exp` of a JWT. */
function endOf(token: string): number | undefined {
  const payload = token.split('.')[1];
  const claims = payload === undefined ? undefined : parseJson(Buffer.from(payload, 'base64url').toString('utf8'));
  const seconds = fieldOf(claims, 'exp');
  return typeof seconds === 'number' ? seconds * 1000 : undefined;
}

/** The API of resources that this was written for. */
const apiVersion = '2021-04-01';

/** The page of a registry in Azure's portal. Throws PluginError. */
async function findPortalUrl(
  host: string,
  subscriptionId: string,
  authority: string,
  accessToken: () => Promise<string>,
  tools: CloudTools,
): Promise<string> {
  const { management, portal } = azureCloudOf(authority);
  const step = `portal link from ${new URL(management).host}`;
  const query = new URLSearchParams({
    $filter: `resourceType eq 'Microsoft.ContainerRegistry/registries' and name eq '${host.split('.')[0] ?? ''}'`,
    'api-version': apiVersion,
    $select: 'id',
  });
  const url = `${management}/subscriptions/${encodeURIComponent(subscriptionId)}/resources?${query.toString()}`;
  const answer = await tools.http
    .send({ method: 'GET', url, headers: { authorization: `Bearer ${await accessToken()}` } }, tools.signal)
    .catch((error: unknown) => {
      throw unreachable('acr', step, error);
    });
  const [first] = arrayOf(fieldOf(parseJson(answer.text), 'value'));
  const id = textOf(first, 'id');
  if (answer.status === 200 && id !== '') {
    const view = 'view/Microsoft_Azure_ContainerRegistries/TagMetadataBlade/registryId';
    return `${portal}/#${view}/${encodeURIComponent(id)}`;
  }
  const came = answer.status === 200 ? `no registry ${host} in subscription ${subscriptionId}` : describeAnswer(answer);
  throw cloudFailure({ variant: 'acr', step, came });
}
