// Rows: results of earlier builds. The daemon has its own layer cache; these settings add to it.
import { cacheImage, cacheRepository, cacheSources, cacheTargets } from '../cache-kinds.ts';
import { bool, secret, secretText, text } from '../kinds.ts';
import { commaList } from '../list-kinds.ts';
import type { Kind } from '../reading.ts';
import { known, works, worksWithDefault } from './row.ts';

export const cacheRows = {
  cache_from: works({
    env: ['PLUGIN_CACHE_FROM'],
    kind: cacheSources,
    help: 'Caches whose results may be reused: image references, `type=registry,ref=…` or `type=local,src=<folder>`. They are not pulled, and a missing one is no error. Only an engine of the same generation finds its steps in one.',
  }),

  cache_to: works({
    env: ['PLUGIN_CACHE_TO'],
    kind: cacheTargets,
    help: 'Caches to write: `type=inline` keeps what the image holds anyway; `type=registry,ref=…,mode=max` and `type=local,dest=<folder>,mode=max` keep all steps and need the containerd image store. A cache that cannot be written fails the step only with `ignore-error=false`.',
  }),
  cache_images: works({
    env: ['PLUGIN_CACHE_IMAGES'],
    kind: commaList(cacheImage),
    help: 'Images in a registry that hold a cache: each is read, and written with `mode=max`.',
  }),
  enable_cache: worksWithDefault(false, {
    env: ['PLUGIN_ENABLE_CACHE', 'PLUGIN_CACHE'],
    kind: bool,
    help: 'Use `cache_repo`. The daemon’s own cache is always on.',
  }),
  cache_repo: works({
    env: ['PLUGIN_CACHE_REPO'],
    kind: cacheRepository,
    help: 'Repository for a cache: with `enable_cache` the same as `<cache_repo>:buildcache` in `cache_images`.',
  }),
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
  path_style: worksWithDefault(false, {
    env: ['PLUGIN_PATH_STYLE', 'AWS_PLUGIN_PATH_STYLE'],
    kind: bool,
    help: 'Adds `use_path_style=true` to caches of `type=s3`, for builders that offer them; a Docker daemon does not.',
  }),
  cache_tls_insecure: known(
    'declined',
    ['PLUGIN_CACHE_TLS_INSECURE'],
    'The daemon reads and writes the cache: `insecure-registries` in its daemon.json.',
  ),
  harness_self_hosted_s3_access_key: placeholder('PLUGIN_HARNESS_SELF_HOSTED_S3_ACCESS_KEY'),
  harness_self_hosted_s3_secret_key: placeholder('PLUGIN_HARNESS_SELF_HOSTED_S3_SECRET_KEY'),
  harness_self_hosted_gcp_json_key: placeholder('PLUGIN_HARNESS_SELF_HOSTED_GCP_JSON_KEY', secretText),
  harness_self_hosted_azure_account_key: placeholder('PLUGIN_HARNESS_SELF_HOSTED_AZURE_ACCOUNT_KEY'),
  harness_self_hosted_azure_tenant_id: placeholder('PLUGIN_HARNESS_SELF_HOSTED_AZURE_TENANT_ID'),
  harness_self_hosted_azure_client_id: placeholder('PLUGIN_HARNESS_SELF_HOSTED_AZURE_CLIENT_ID'),
  harness_self_hosted_azure_client_secret: placeholder('PLUGIN_HARNESS_SELF_HOSTED_AZURE_CLIENT_SECRET'),
  harness_self_hosted_azure_oidc_token: placeholder('PLUGIN_HARNESS_SELF_HOSTED_AZURE_OIDC_TOKEN'),
};

function placeholder(name: string, kind: Kind<string> = secret) {
  return works({
    env: [name],
    kind,
    secret: true,
    help: 'Takes the place of a `harness_placeholder_…` in `cache_from` and `cache_to`.',
  });
}
