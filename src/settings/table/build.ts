// Rows: what is built and how.
import { hostEntry, oneStage, platform, stage } from '../build-kinds.ts';
import { bool, epochSeconds, path } from '../kinds.ts';
import { commaList } from '../list-kinds.ts';
import { known, offWords, works, worksWithDefault } from './row.ts';

export const buildRows = {
  dockerfile: works({
    env: ['PLUGIN_DOCKERFILE', 'PLUGIN_CONTAINERFILE', 'PLUGIN_FILE'],
    kind: path,
    defaultText: '`Dockerfile`',
    help: 'Path of the Dockerfile, relative to the workspace (not to `context`). When it is missing, a `Containerfile` in the same folder is used.',
  }),
  context: worksWithDefault('.', {
    env: ['PLUGIN_CONTEXT'],
    kind: path,
    help: 'Folder whose files the build may copy. Links inside are sent as links, never followed.',
  }),
  context_sub_path: works({
    env: ['PLUGIN_CONTEXT_SUB_PATH'],
    kind: path,
    help: 'Folder inside of `context` that is used instead of it.',
  }),
  follow_outside_links: worksWithDefault(false, {
    env: ['PLUGIN_FOLLOW_OUTSIDE_LINKS'],
    kind: bool,
    help: 'Let links of the workspace lead the context, the Dockerfile and secret files out of the workspace.',
  }),
  target: works({
    env: ['PLUGIN_TARGET'],
    kind: oneStage,
    help: 'Stage of the Dockerfile to build, by name or number.',
  }),
  platform: works({
    env: ['PLUGIN_PLATFORM', 'PLUGIN_PLATFORMS', 'PLUGIN_CUSTOM_PLATFORM'],
    kind: commaList(platform),
    defaultText: "the daemon's",
    help: 'Platforms such as `linux/arm64`. Several make an index and need the containerd image store.',
  }),
  pull_image: worksWithDefault(true, {
    env: ['PLUGIN_PULL_IMAGE', 'PLUGIN_PULL'],
    kind: bool,
    help: 'Ask the registry what the name of a base image means. With `false` an image that the daemon happens to have under that name decides.',
  }),
  no_cache: worksWithDefault(false, {
    env: ['PLUGIN_NO_CACHE'],
    kind: bool,
    help: 'Run every step again.',
  }),
  no_cache_filter: works({
    env: ['PLUGIN_NO_CACHE_FILTER', 'PLUGIN_NO_CACHE_FILTERS'],
    kind: commaList(stage),
    help: 'Stages that are built without cache.',
  }),
  add_host: works({
    env: ['PLUGIN_ADD_HOST', 'PLUGIN_ADD_HOSTS'],
    kind: commaList(hostEntry),
    help: 'Entries for `/etc/hosts` during RUN: `host:ip`; `host-gateway` stands for the daemon’s host.',
  }),
  quiet: worksWithDefault(false, {
    env: ['PLUGIN_QUIET'],
    kind: bool,
    help: 'Print results and failures only.',
  }),
  source_date_epoch: works({
    env: ['PLUGIN_SOURCE_DATE_EPOCH', 'SOURCE_DATE_EPOCH'],
    kind: epochSeconds,
    help: 'Seconds since 1970: becomes the build argument of this name, the creation time of the image and its `created` label.',
  }),

  strict_context: known('refused', ['PLUGIN_STRICT_CONTEXT'], 'Fail when the context holds files with logins.', {
    inert: offWords,
  }),
  named_context: known('refused', ['PLUGIN_NAMED_CONTEXT', 'PLUGIN_BUILD_CONTEXTS'], 'Additional build contexts.'),
  network: known('refused', ['PLUGIN_NETWORK'], 'Network of RUN.', { inert: ['default'] }),
  shm_size: known('refused', ['PLUGIN_SHM_SIZE'], 'Size of `/dev/shm` during RUN.'),
  ulimit: known('refused', ['PLUGIN_ULIMIT', 'PLUGIN_ULIMITS'], 'Resource limits of RUN.'),
  cgroup_parent: known('refused', ['PLUGIN_CGROUP_PARENT'], 'Control group of RUN.'),
  allow: known('refused', ['PLUGIN_ALLOW'], 'Entitlements of the build.'),
  squash: known('accepted', ['PLUGIN_SQUASH'], 'BuildKit cannot squash.', { inert: offWords }),
  compress: known('ignored', ['PLUGIN_COMPRESS'], 'The context is never compressed.'),
  annotations: known('refused', ['PLUGIN_ANNOTATIONS', 'PLUGIN_ANNOTATION'], 'Annotations of the manifest.'),
  frontend: known('refused', ['PLUGIN_FRONTEND'], 'Image of the Dockerfile frontend; `# syntax=` works as usual.'),
  reproducible: known('refused', ['PLUGIN_REPRODUCIBLE'], 'Rewrite file times.', { inert: offWords }),
  environment: known('refused', ['PLUGIN_ENVIRONMENT'], 'Variables for build arguments and secrets.', { secret: true }),
  env_file: known('refused', ['PLUGIN_ENV_FILE'], 'File with settings.'),
  buildx_options: known('refused', ['PLUGIN_BUILDX_OPTIONS'], 'Options of a command line that is not used here.'),
  buildx_options_semicolon: known(
    'refused',
    ['PLUGIN_BUILDX_OPTIONS_SEMICOLON'],
    'Options of a command line that is not used here.',
  ),
  bake_file: known('refused', ['PLUGIN_BAKE_FILE'], 'Bake is not supported.'),
  bake_options: known('refused', ['PLUGIN_BAKE_OPTIONS'], 'Bake is not supported.'),
  call: known('refused', ['PLUGIN_CALL'], 'Check the Dockerfile instead of building.', { inert: ['build'] }),
  github_token: known('unused', ['PLUGIN_GITHUB_TOKEN'], 'Token for git contexts.', { secret: true }),
  skip_unused_stages: known('ignored', ['PLUGIN_SKIP_UNUSED_STAGES'], 'BuildKit always does.'),
  single_snapshot: known('ignored', ['PLUGIN_SINGLE_SNAPSHOT'], 'Kaniko only.'),
  snapshot_mode: known('ignored', ['PLUGIN_SNAPSHOT_MODE'], 'Kaniko only.'),
  use_new_run: known('ignored', ['PLUGIN_USE_NEW_RUN'], 'Kaniko only.'),
  cleanup: known('ignored', ['PLUGIN_CLEANUP'], 'Kaniko only.'),
  force: known('ignored', ['PLUGIN_FORCE'], 'Kaniko only.'),
  ignore_var_run: known('ignored', ['PLUGIN_IGNORE_VAR_RUN'], 'Kaniko only.'),
  image_fs_extract_retry: known('ignored', ['PLUGIN_IMAGE_FS_EXTRACT_RETRY'], 'Kaniko only.'),
  ignore_path: known(
    'accepted',
    ['PLUGIN_IGNORE_PATH', 'PLUGIN_IGNORE_PATHS'],
    'Use `.dockerignore` or a mount instead.',
  ),
  policy: known('refused', ['PLUGIN_POLICY'], 'Reserved.'),
  resource: known('refused', ['PLUGIN_RESOURCE'], 'Reserved.'),
};
