// Rows: Google Container Registry and Artifact Registry.
import { googleKey, googleLocation } from '../google-kinds.ts';
import { bool, text } from '../kinds.ts';
import { works, worksWithDefault } from './row.ts';

const federation =
  'Goes with `oidc_token_id`: the token is exchanged for one of the service account (workload identity federation).';

export const googleRows = {
  json_key: works({
    env: ['PLUGIN_JSON_KEY', 'GCR_JSON_KEY', 'GOOGLE_CREDENTIALS', 'TOKEN'],
    plainIn: ['gcr', 'gar'],
    plainOnlyWhenChosen: true,
    kind: googleKey,
    secret: true,
    help: 'Key of a service account as JSON, or as base64 of it. With `workload_identity`, any Google credential.',
  }),
  workload_identity: worksWithDefault(false, {
    env: ['PLUGIN_WORKLOAD_IDENTITY'],
    kind: bool,
    help: 'Log in with an access token, made from `json_key`; without it from the file of `GOOGLE_APPLICATION_CREDENTIALS`, else by the metadata server of the machine.',
  }),
  project_number: works({
    env: ['PLUGIN_PROJECT_NUMBER'],
    kind: text,
    help: `Number of the pool’s project. ${federation}`,
  }),
  pool_id: works({ env: ['PLUGIN_POOL_ID'], kind: text, help: `Workload identity pool. ${federation}` }),
  provider_id: works({ env: ['PLUGIN_PROVIDER_ID'], kind: text, help: `Provider in the pool. ${federation}` }),
  service_account_email: works({
    env: ['PLUGIN_SERVICE_ACCOUNT_EMAIL'],
    kind: text,
    help: `Service account that pushes. ${federation}`,
  }),
  location: works({
    env: ['PLUGIN_LOCATION'],
    kind: googleLocation,
    help: 'Location of an Artifact Registry; without `registry`, the registry is `<location>-docker.pkg.dev`.',
  }),
};
