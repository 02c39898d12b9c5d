// Rows: Azure Container Registry.
import { cloud, cloudSecret } from './cloud-row.ts';
import { known } from './row.ts';

export const azureRows = {
  client_id: cloud('PLUGIN_CLIENT_ID'),
  client_secret: cloudSecret('PLUGIN_CLIENT_SECRET'),
  client_certificate: cloudSecret('PLUGIN_CLIENT_CERTIFICATE'),
  tenant_id: cloud('PLUGIN_TENANT_ID'),
  subscription_id: known('unused', ['PLUGIN_SUBSCRIPTION_ID'], 'Subscription of an Azure registry.'),
  azure_authority_host: known('unused', ['PLUGIN_AZURE_AUTHORITY_HOST'], 'Login host of Azure.'),
  service_principal_client_id: cloud('PLUGIN_SERVICE_PRINCIPAL_CLIENT_ID'),
  service_principal_client_secret: cloudSecret('PLUGIN_SERVICE_PRINCIPAL_CLIENT_SECRET'),
};
