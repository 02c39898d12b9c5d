// The Google side of a step: which login its registries get, from the settings. Federation before tokens before keys.
import { type RegistryVariant, variantOfHost } from '../base/registry-variant.ts';
import type { Settings } from '../settings/settings.ts';
import { cloudHosts } from './variant.ts';

/** Google as a source of logins. */
export interface GooglePlan {
  readonly variant: 'gcr' | 'gar';
  /** Only what the machine has at hand is tried, and without it nobody logs in. */
  readonly soft: boolean;
  /** Registries that get the login. */
  readonly hosts: readonly string[];
  readonly credential: GoogleCredentialPlan;
}

export type GoogleCredentialPlan =
  | { readonly kind: 'json-key'; readonly json: string; readonly source: string }
  | { readonly kind: 'file'; readonly path: string; readonly source: string }
  | { readonly kind: 'token'; readonly source: string; readonly from: GoogleTokenPlan };

export type GoogleTokenPlan =
  | { readonly kind: 'credential'; readonly json: string; readonly source: string }
  | { readonly kind: 'metadata'; readonly host?: string }
  | {
      readonly kind: 'federation';
      readonly subjectToken: string;
      readonly projectNumber: string;
      readonly poolId: string;
      readonly providerId: string;
      readonly serviceAccountEmail: string;
    };

/** Empty when no registry of the step is Google's, or nothing is there to log in with. */
export function googlePlans(settings: Settings): readonly GooglePlan[] {
  const { variant } = settings;
  const isChosen = !variant.soft && isGoogle(variant.name);
  const hosts = cloudHosts(settings, isGoogle);
  const credential = isChosen ? givenCredential(settings) : machineCredential(settings);
  const [first] = hosts;
  if (first === undefined || credential === undefined) return [];
  const name = isChosen ? variant.name : variantOfHost(first);
  return [{ variant: name === 'gar' ? 'gar' : 'gcr', soft: !isChosen, hosts, credential }];
}

function isGoogle(variant: RegistryVariant): boolean {
  return variant === 'gcr' || variant === 'gar';
}

function givenCredential(settings: Settings): GoogleCredentialPlan | undefined {
  const { json_key: key, workload_identity: wantsToken } = settings.values;
  const federation = federationOf(settings);
  if (federation !== undefined) return { kind: 'token', source: 'settings oidc_token_id', from: federation };
  const source = 'settings json_key';
  if (key !== undefined) {
    const { json } = key;
    return wantsToken
      ? { kind: 'token', source, from: { kind: 'credential', json, source } }
      : { kind: 'json-key', json, source };
  }
  if (!wantsToken) return undefined;
  const { metadataHost } = settings.machine.google;
  const from = { kind: 'metadata', ...(metadataHost === undefined ? {} : { host: metadataHost }) } as const;
  return machineCredential(settings) ?? { kind: 'token', source: 'the metadata server of the machine', from };
}

function federationOf({ values }: Settings): GoogleTokenPlan | undefined {
  const {
    oidc_token_id: subjectToken,
    project_number: projectNumber,
    pool_id: poolId,
    provider_id: providerId,
    service_account_email: serviceAccountEmail,
  } = values;
  if (
    subjectToken === undefined ||
    projectNumber === undefined ||
    poolId === undefined ||
    providerId === undefined ||
    serviceAccountEmail === undefined
  ) {
    return undefined;
  }
  return { kind: 'federation', subjectToken, projectNumber, poolId, providerId, serviceAccountEmail };
}

function machineCredential({ machine }: Settings): GoogleCredentialPlan | undefined {
  const path = machine.google.credentialsFile;
  return path === undefined ? undefined : { kind: 'file', path, source: 'GOOGLE_APPLICATION_CREDENTIALS' };
}
