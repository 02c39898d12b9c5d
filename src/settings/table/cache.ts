// Rows: results of earlier builds. The daemon has its own layer cache; these settings add to it.
import { cacheSources } from '../build-kinds.ts';
import { text } from '../kinds.ts';
import { known, works } from './row.ts';

const placeholderHelp = 'Credential of a cache that is not available in this version.';

export const cacheRows = {
  cache_from: works({
    env: ['PLUGIN_CACHE_FROM'],
    kind: cacheSources,
    help: 'Images in a registry whose layers may be reused: references, or `type=registry,ref=…`. They are not pulled, and a missing one is no error.',
  }),

  cache_to: known('unused', ['PLUGIN_CACHE_TO'], 'Where the cache is exported to.'),
  cache_images: known('unused', ['PLUGIN_CACHE_IMAGES'], 'Images that hold a cache; use `cache_from`.'),
  enable_cache: known('ignored', ['PLUGIN_ENABLE_CACHE', 'PLUGIN_CACHE'], 'The daemon caches anyway.'),
  cache_repo: known('unused', ['PLUGIN_CACHE_REPO'], 'Repository for a cache; use `cache_from`.'),
  cache_ttl: known('ignored', ['PLUGIN_CACHE_TTL'], 'Kaniko only.'),
  cache_dir: known('ignored', ['PLUGIN_CACHE_DIR'], 'Kaniko only.'),
  cache_copy_layers: known('ignored', ['PLUGIN_CACHE_COPY_LAYERS'], 'Kaniko only.'),
  cache_run_layers: known('ignored', ['PLUGIN_CACHE_RUN_LAYERS'], 'Kaniko only.'),
  compressed_caching: known('ignored', ['PLUGIN_COMPRESSED_CACHING'], 'Kaniko only.'),
  cache_mount_ns: works({
    env: ['PLUGIN_CACHE_MOUNT_NS'],
    kind: text,
    defaultText: 'the repository, and whether it is a pull request',
    help: 'Builds with the same text share what `RUN --mount=type=cache` keeps on the daemon; `shared` means all builds. The build argument `BUILDKIT_CACHE_MOUNT_NS` wins.',
  }),
  path_style: known('unused', ['PLUGIN_PATH_STYLE'], 'Address style of an S3 cache.'),
  cache_tls_insecure: known('accepted', ['PLUGIN_CACHE_TLS_INSECURE'], 'The cache is read by the daemon.'),
  harness_self_hosted_s3_access_key: placeholder('PLUGIN_HARNESS_SELF_HOSTED_S3_ACCESS_KEY'),
  harness_self_hosted_s3_secret_key: placeholder('PLUGIN_HARNESS_SELF_HOSTED_S3_SECRET_KEY'),
  harness_self_hosted_gcp_json_key: placeholder('PLUGIN_HARNESS_SELF_HOSTED_GCP_JSON_KEY'),
  harness_self_hosted_azure_account_key: placeholder('PLUGIN_HARNESS_SELF_HOSTED_AZURE_ACCOUNT_KEY'),
  harness_self_hosted_azure_tenant_id: placeholder('PLUGIN_HARNESS_SELF_HOSTED_AZURE_TENANT_ID'),
  harness_self_hosted_azure_client_id: placeholder('PLUGIN_HARNESS_SELF_HOSTED_AZURE_CLIENT_ID'),
  harness_self_hosted_azure_client_secret: placeholder('PLUGIN_HARNESS_SELF_HOSTED_AZURE_CLIENT_SECRET'),
  harness_self_hosted_azure_oidc_token: placeholder('PLUGIN_HARNESS_SELF_HOSTED_AZURE_OIDC_TOKEN'),
};

function placeholder(name: string) {
  return known('unused', [name], placeholderHelp, { secret: true });
}
