// Rows: Azure Container Registry.
import { azureAuthority, azureCertificate } from '../azure-kinds.ts';
import { secret, text } from '../kinds.ts';
import { works, worksWithDefault } from './row.ts';

export const azureRows = {
  client_id: works({
    env: ['PLUGIN_CLIENT_ID', 'CLIENT_ID', 'AZURE_CLIENT_ID', 'AZURE_APP_ID'],
    plainIn: ['acr'],
    plainOnlyWhenChosen: true,
    kind: text,
    help: 'Application (client) id of a service principal.',
  }),
  client_secret: works({
    env: ['PLUGIN_CLIENT_SECRET', 'CLIENT_SECRET', 'AZURE_CLIENT_SECRET'],
    plainIn: ['acr'],
    plainOnlyWhenChosen: true,
    kind: secret,
    secret: true,
    help: 'Secret of the service principal.',
  }),
  client_certificate: works({
    env: ['PLUGIN_CLIENT_CERTIFICATE', 'CLIENT_CERTIFICATE'],
    plainIn: ['acr'],
    plainOnlyWhenChosen: true,
    kind: azureCertificate,
    secret: true,
    help: 'Certificate and RSA key of the service principal as PEM, or as base64 of it. Not used when there is a `client_secret`.',
  }),
  tenant_id: works({
    env: ['PLUGIN_TENANT_ID', 'TENANT_ID', 'AZURE_TENANT_ID'],
    plainIn: ['acr'],
    plainOnlyWhenChosen: true,
    kind: text,
    help: 'Tenant of the service principal.',
  }),
  subscription_id: works({
    env: ['PLUGIN_SUBSCRIPTION_ID', 'SUBSCRIPTION_ID'],
    plainIn: ['acr'],
    plainOnlyWhenChosen: true,
    kind: text,
    help: 'Subscription of the registry, to find its page in Azure’s portal for the card. Without the right to look there is a warning.',
  }),
  azure_authority_host: worksWithDefault('https://login.microsoftonline.com', {
    env: ['PLUGIN_AZURE_AUTHORITY_HOST', 'AZURE_AUTHORITY_HOST'],
    plainIn: ['acr'],
    plainOnlyWhenChosen: true,
    kind: azureAuthority,
    help: 'Address of Microsoft’s identity platform; other clouds have another.',
  }),
  service_principal_client_id: works({
    env: ['PLUGIN_SERVICE_PRINCIPAL_CLIENT_ID', 'SERVICE_PRINCIPAL_CLIENT_ID'],
    plainIn: ['acr'],
    plainOnlyWhenChosen: true,
    kind: text,
    help: 'User at the registry: a service principal’s id is sent as it is, and nothing is exchanged.',
  }),
  service_principal_client_secret: works({
    env: ['PLUGIN_SERVICE_PRINCIPAL_CLIENT_SECRET', 'SERVICE_PRINCIPAL_CLIENT_SECRET'],
    plainIn: ['acr'],
    plainOnlyWhenChosen: true,
    kind: secret,
    secret: true,
    help: 'Password of `service_principal_client_id`.',
  }),
};
