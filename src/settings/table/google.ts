// Rows: Google Container Registry and Artifact Registry.
import { cloud, cloudSecret, login } from './cloud-row.ts';
import { known, offWords } from './row.ts';

export const googleRows = {
  json_key: cloudSecret('PLUGIN_JSON_KEY'),
  workload_identity: known('refused', ['PLUGIN_WORKLOAD_IDENTITY'], login, { inert: offWords }),
  project_number: cloud('PLUGIN_PROJECT_NUMBER'),
  pool_id: cloud('PLUGIN_POOL_ID'),
  provider_id: cloud('PLUGIN_PROVIDER_ID'),
  service_account_email: cloud('PLUGIN_SERVICE_ACCOUNT_EMAIL'),
  location: cloud('PLUGIN_LOCATION'),
};
