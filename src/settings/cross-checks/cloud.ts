// Settings of a cloud's registry in a step that is for another kind of registry: they would be left out in silence.
import type { RegistryVariant } from '../../base/registry-variant.ts';
import { addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';

const google: readonly RegistryVariant[] = ['gcr', 'gar'];
const azure: readonly RegistryVariant[] = ['acr'];
const heroku: readonly RegistryVariant[] = ['heroku'];

/** The variants that each setting is for. */
const variantsOf = {
  json_key: google,
  workload_identity: google,
  project_number: google,
  pool_id: google,
  provider_id: google,
  service_account_email: google,
  location: ['gar'],
  client_id: azure,
  client_secret: azure,
  client_certificate: azure,
  tenant_id: azure,
  subscription_id: azure,
  azure_authority_host: azure,
  service_principal_client_id: azure,
  service_principal_client_secret: azure,
  app: heroku,
  process_type: heroku,
  api_key: heroku,
  oidc_token_id: [...google, ...azure, 'ecr', 'ecr-public'],
} as const satisfies Readonly<Record<string, readonly RegistryVariant[]>>;

/** Warns of settings that belong to another kind of registry than the step's. */
export function checkCloud({ variant, given, findings }: CrossInputs): void {
  for (const [name, variants] of Object.entries<readonly RegistryVariant[]>(variantsOf)) {
    if (!given.has(name) || (variants.includes(variant.name) && !variant.soft)) continue;
    const what = variant.soft ? 'a step that only a host makes one for' : 'registry type';
    addWarning(findings, name, `is not used in ${what} ${variant.name}; \`registry_type\` says what the step is for`);
  }
}
