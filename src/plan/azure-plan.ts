// The Azure side of a step: which login its registries get, from the settings. A pair that is sent as it is comes before a
// token that is exchanged.
import type { Settings } from '../settings/settings.ts';
import { cloudHosts } from './variant.ts';

/** Azure as a source of logins. */
export interface AzurePlan {
  readonly variant: 'acr';
  /** Only what the machine has at hand is tried, and without it nobody logs in. */
  readonly soft: boolean;
  /** Registries that get a login; the first one is that of the portal link. */
  readonly hosts: readonly string[];
  readonly login: AzureLoginPlan;
}

export type AzureLoginPlan =
  /** Sent as it is. */
  | { readonly kind: 'pair'; readonly username: string; readonly password: string; readonly source: string }
  | {
      readonly kind: 'exchange';
      readonly identity: AzureIdentityPlan;
      /** URL of the identity platform. */
      readonly authority: string;
      readonly source: string;
      /** Absent: nobody wants a portal link. */
      readonly subscriptionId?: string;
    };

export interface AzureIdentityPlan {
  readonly tenantId: string;
  readonly clientId: string;
  readonly proof: AzureProofPlan;
}

export type AzureProofPlan =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'certificate'; readonly certificate: string; readonly key: string }
  | { readonly kind: 'token'; readonly token: string; readonly source: string }
  | { readonly kind: 'token-file'; readonly path: string; readonly source: string };

const tokenFileSource = 'AZURE_FEDERATED_TOKEN_FILE';

/** Empty when no registry of the step is Azure's, or nothing is there to log in with. */
export function azurePlans(settings: Settings): readonly AzurePlan[] {
  const { variant } = settings;
  const isChosen = !variant.soft && variant.name === 'acr';
  const hosts = cloudHosts(settings, (name) => name === 'acr');
  const login = isChosen ? givenLogin(settings) : machineLogin(settings);
  return login === undefined || hosts.length === 0 ? [] : [{ variant: 'acr', soft: !isChosen, hosts, login }];
}

function givenLogin(settings: Settings): AzureLoginPlan | undefined {
  const { values } = settings;
  // The cloud is not asked for what the settings say.
  if (values.username !== undefined && values.password !== undefined) return undefined;
  const { service_principal_client_id: username, service_principal_client_secret: password } = values;
  if (username !== undefined && password !== undefined) {
    return { kind: 'pair', username, password, source: 'settings service_principal_client_id' };
  }
  const { tenant_id: tenantId, client_id: clientId, azure_authority_host: authority } = values;
  const proof = givenProof(settings);
  if (tenantId === undefined || clientId === undefined || proof === undefined) return undefined;
  return {
    kind: 'exchange',
    identity: { tenantId, clientId, proof },
    authority,
    source: 'settings client_id',
    ...(values.subscription_id === undefined ? {} : { subscriptionId: values.subscription_id }),
  };
}

function givenProof({ values, machine }: Settings): AzureProofPlan | undefined {
  const { oidc_token_id: token, client_secret: secret, client_certificate: certificate } = values;
  if (token !== undefined) return { kind: 'token', token, source: 'settings oidc_token_id' };
  if (secret !== undefined) return { kind: 'secret', secret };
  if (certificate !== undefined) return { kind: 'certificate', ...certificate };
  const path = machine.azure.tokenFile;
  return path === undefined ? undefined : { kind: 'token-file', path, source: tokenFileSource };
}

function machineLogin({ values, machine }: Settings): AzureLoginPlan | undefined {
  const { clientId, tenantId, secret, tokenFile: path } = machine.azure;
  if (clientId === undefined || tenantId === undefined) return undefined;
  const proof: AzureProofPlan | undefined =
    path !== undefined
      ? { kind: 'token-file', path, source: tokenFileSource }
      : secret === undefined
        ? undefined
        : { kind: 'secret', secret };
  if (proof === undefined) return undefined;
  const identity = { clientId, tenantId, proof };
  return { kind: 'exchange', identity, authority: values.azure_authority_host, source: 'AZURE_CLIENT_ID' };
}
