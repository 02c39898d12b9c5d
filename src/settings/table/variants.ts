// Rows: settings of the cloud registry variants (ecr, gcr, gar, acr, heroku). Their logins are not in this version, so
// asking for one is an error rather than an anonymous push. Only PLUGIN_ names count: the plain names that those plugins
// read (AWS_REGION, TOKEN, CLIENT_ID) mean other things in other steps.
import { known, offWords } from './row.ts';

const login = 'Login at a cloud registry; use `username` and `password`, or `config`.';

function cloud(name: string, ...aliases: readonly string[]) {
  return known('refused', [name, ...aliases], login);
}

function cloudSecret(name: string, ...aliases: readonly string[]) {
  return known('refused', [name, ...aliases], login, { secret: true });
}

export const variantRows = {
  registry_type: known('refused', ['PLUGIN_REGISTRY_TYPE', 'PLUGIN_PROVIDER'], 'Kind of registry.', {
    inert: ['docker'],
  }),
  region: known('unused', ['PLUGIN_REGION', 'PLUGIN_AWS_REGION'], 'Region of an ECR registry.'),
  access_key: cloudSecret('PLUGIN_ACCESS_KEY', 'PLUGIN_AWS_ACCESS_KEY_ID'),
  secret_key: cloudSecret('PLUGIN_SECRET_KEY', 'PLUGIN_AWS_SECRET_ACCESS_KEY'),
  session_token: cloudSecret('PLUGIN_SESSION_TOKEN', 'PLUGIN_AWS_SESSION_TOKEN'),
  assume_role: cloud('PLUGIN_ASSUME_ROLE'),
  external_id: cloud('PLUGIN_EXTERNAL_ID'),
  oidc_token_id: cloudSecret('PLUGIN_OIDC_TOKEN_ID'),
  create_repository: known(
    'refused',
    ['PLUGIN_CREATE_REPOSITORY', 'PLUGIN_ECR_CREATE_REPOSITORY'],
    'Create the repository in ECR.',
    { inert: offWords },
  ),
  scan_on_push: known('refused', ['PLUGIN_SCAN_ON_PUSH', 'PLUGIN_ECR_SCAN_ON_PUSH'], 'Scan images in ECR.', {
    inert: offWords,
  }),
  lifecycle_policy: known(
    'refused',
    ['PLUGIN_LIFECYCLE_POLICY', 'PLUGIN_ECR_LIFECYCLE_POLICY'],
    'Policy of an ECR repository.',
  ),
  repository_policy: known(
    'refused',
    ['PLUGIN_REPOSITORY_POLICY', 'PLUGIN_ECR_REPOSITORY_POLICY'],
    'Policy of an ECR repository.',
  ),
  tag_mutability: known(
    'refused',
    ['PLUGIN_TAG_MUTABILITY', 'PLUGIN_IMAGE_TAG_MUTABILITY'],
    'Mutability of tags in ECR.',
  ),
  registry_ids: cloud('PLUGIN_REGISTRY_IDS', 'PLUGIN_REGISTRY_ID'),
  json_key: cloudSecret('PLUGIN_JSON_KEY'),
  workload_identity: known('refused', ['PLUGIN_WORKLOAD_IDENTITY'], login, { inert: offWords }),
  project_number: cloud('PLUGIN_PROJECT_NUMBER'),
  pool_id: cloud('PLUGIN_POOL_ID'),
  provider_id: cloud('PLUGIN_PROVIDER_ID'),
  service_account_email: cloud('PLUGIN_SERVICE_ACCOUNT_EMAIL'),
  location: cloud('PLUGIN_LOCATION'),
  client_id: cloud('PLUGIN_CLIENT_ID'),
  client_secret: cloudSecret('PLUGIN_CLIENT_SECRET'),
  client_certificate: cloudSecret('PLUGIN_CLIENT_CERTIFICATE'),
  tenant_id: cloud('PLUGIN_TENANT_ID'),
  subscription_id: known('unused', ['PLUGIN_SUBSCRIPTION_ID'], 'Subscription of an Azure registry.'),
  azure_authority_host: known('unused', ['PLUGIN_AZURE_AUTHORITY_HOST'], 'Login host of Azure.'),
  service_principal_client_id: cloud('PLUGIN_SERVICE_PRINCIPAL_CLIENT_ID'),
  service_principal_client_secret: cloudSecret('PLUGIN_SERVICE_PRINCIPAL_CLIENT_SECRET'),
  daemon_registry: known('unused', ['PLUGIN_DAEMON_REGISTRY'], 'Address shown for the registry.'),
  artifact_registry: known('unused', ['PLUGIN_ARTIFACT_REGISTRY'], 'Address shown for the registry.'),
  app: cloud('PLUGIN_APP'),
  process_type: cloud('PLUGIN_PROCESS_TYPE'),
  api_key: cloudSecret('PLUGIN_API_KEY'),
  heroku_release: known('refused', ['PLUGIN_HEROKU_RELEASE'], 'Reserved.'),
};
