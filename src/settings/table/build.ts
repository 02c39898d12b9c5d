// Rows: what is built and how.
import { annotations } from '../annotation-kinds.ts';
import { hostEntry, imageName, oneStage, platform, stage } from '../build-kinds.ts';
import { bool, size } from '../kinds.ts';
import { commaList } from '../list-kinds.ts';
import { controlGroup, entitlement, resourceLimits, runNetwork } from '../sandbox-kinds.ts';
import { known, offWords, works, worksWithDefault } from './row.ts';

export const buildRows = {
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
  network: worksWithDefault('default', {
    env: ['PLUGIN_NETWORK'],
    kind: runNetwork,
    help: 'Network of RUN. `none` has only loopback; `host` is that of the daemon’s machine, which the daemon may refuse.',
  }),
  shm_size: works({
    env: ['PLUGIN_SHM_SIZE'],
    kind: size,
    help: 'Size of `/dev/shm` during RUN, such as `256m`.',
  }),
  ulimit: works({
    env: ['PLUGIN_ULIMIT', 'PLUGIN_ULIMITS'],
    kind: resourceLimits,
    help: 'Resource limits of RUN: `nofile=1024:2048`, `nproc=100`.',
  }),
  cgroup_parent: works({
    env: ['PLUGIN_CGROUP_PARENT'],
    kind: controlGroup,
    help: 'Control group under which RUN runs.',
  }),
  allow: works({
    env: ['PLUGIN_ALLOW'],
    kind: commaList(entitlement),
    help: 'What the Dockerfile may ask of the daemon: `network.host` for `RUN --network=host`, `security.insecure` for `RUN --security=insecure`. The daemon may refuse.',
  }),
  squash: known('declined', ['PLUGIN_SQUASH'], 'BuildKit cannot squash.', { inert: offWords }),
  compress: known('ignored', ['PLUGIN_COMPRESS'], 'The context is never compressed.'),
  annotations: works({
    env: ['PLUGIN_ANNOTATIONS', 'PLUGIN_ANNOTATION'],
    kind: annotations,
    help: 'Annotations `key=value`, one per line or separated by ";". In front may stand `index:`, `manifest:` or `manifest[linux/amd64]:`; without it the manifest of each platform gets them. The image is then of the OCI kind.',
  }),
  frontend: works({
    env: ['PLUGIN_FRONTEND'],
    kind: imageName,
    defaultText: "the daemon's",
    help: 'Image of the Dockerfile frontend, as the build argument `BUILDKIT_SYNTAX`; `# syntax=` works as usual.',
  }),
  skip_unused_stages: known('ignored', ['PLUGIN_SKIP_UNUSED_STAGES'], 'BuildKit always does.'),
  single_snapshot: known('ignored', ['PLUGIN_SINGLE_SNAPSHOT'], 'Kaniko only.'),
  snapshot_mode: known('ignored', ['PLUGIN_SNAPSHOT_MODE'], 'Kaniko only.'),
  use_new_run: known('ignored', ['PLUGIN_USE_NEW_RUN'], 'Kaniko only.'),
  cleanup: known('ignored', ['PLUGIN_CLEANUP'], 'Kaniko only.'),
  force: known('ignored', ['PLUGIN_FORCE'], 'Kaniko only.'),
  ignore_var_run: known('ignored', ['PLUGIN_IGNORE_VAR_RUN'], 'Kaniko only.'),
  image_fs_extract_retry: known('ignored', ['PLUGIN_IMAGE_FS_EXTRACT_RETRY'], 'Kaniko only.'),
  ignore_path: known(
    'declined',
    ['PLUGIN_IGNORE_PATH', 'PLUGIN_IGNORE_PATHS'],
    'Use `.dockerignore` or a mount instead.',
  ),
  policy: known('refused', ['PLUGIN_POLICY'], 'Reserved.'),
  resource: known('refused', ['PLUGIN_RESOURCE'], 'Reserved.'),
};
