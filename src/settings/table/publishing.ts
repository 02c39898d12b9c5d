// Rows: how the image travels to the registry.
import { tagPatterns } from '../destination-kinds.ts';
import { autoBool, bool, duration, int, oneOf, size } from '../kinds.ts';
import { works, worksWithDefault } from './row.ts';

/** Longer than registries take to store a manifest, shorter than the patience of a reader of the log. */
const defaultRequestTimeoutMs = 120_000;

export const publishingRows = {
  retries: worksWithDefault(5, {
    env: ['PLUGIN_RETRIES', 'PLUGIN_PUSH_RETRY'],
    kind: int({ min: 0, max: 20 }),
    help: 'How often a registry request is repeated after a fault that may pass.',
  }),
  request_timeout: worksWithDefault(defaultRequestTimeoutMs, {
    env: ['PLUGIN_REQUEST_TIMEOUT'],
    kind: duration({ minSeconds: 1, maxMs: 30 * 60_000, shown: '30m' }),
    defaultText: '`2m`',
    help: 'How long a registry may say nothing before a request is given up and repeated, such as `30s`. The other limits follow it: an upload that stands still is given up after half of it, a layer that gets nowhere after five times of it. The end of a large upload may take longer: meanwhile the registry is asked every so often whether it has the layer.',
  }),
  push_via: worksWithDefault('auto', {
    env: ['PLUGIN_PUSH_VIA'],
    kind: oneOf('auto', 'daemon', 'plugin'),
    help: 'Who sends a built image to the registries. `daemon`: the daemon itself, which needs the containerd image store. `plugin`: this step, which takes the image out of the daemon. `auto`: the daemon where it can, and this step where the daemon cannot reach or trust a registry, or does not get the image there.',
  }),
  max_concurrent_uploads: worksWithDefault(6, {
    env: ['PLUGIN_MAX_CONCURRENT_UPLOADS'],
    kind: int({ min: 1, max: 32 }),
    help: 'Layers that are uploaded at once.',
  }),
  compression: worksWithDefault('gzip', {
    env: ['PLUGIN_COMPRESSION'],
    kind: oneOf('gzip', 'zstd', 'uncompressed'),
    help: 'How layers are packed. `zstd` needs OCI media types. On the containerd image store, `zstd` and `uncompressed` also pack the layers of base images anew.',
  }),
  compression_level: works({
    env: ['PLUGIN_COMPRESSION_LEVEL'],
    kind: int({ min: 1, max: 19 }),
    defaultText: '`4`, or that of the daemon where it packs the layers',
    help: 'How hard `compression` tries: 1 to 9 for gzip, 1 to 19 for zstd.',
  }),
  oci_mediatypes: worksWithDefault('auto', {
    env: ['PLUGIN_OCI_MEDIATYPES'],
    kind: autoBool,
    help: 'Media types of the manifest: `true` for OCI, `false` for Docker. `auto` means OCI with zstd and otherwise what the daemon makes: Docker, unless there are attestations.',
  }),
  skip_push_if_tag_exists: worksWithDefault(false, {
    env: ['PLUGIN_SKIP_PUSH_IF_TAG_EXISTS'],
    kind: bool,
    help: 'Publish only tags that do not exist yet, each judged by itself. When all exist, nothing is built and the step succeeds.',
  }),
  immutable_tags: worksWithDefault(false, {
    env: ['PLUGIN_IMMUTABLE_TAGS'],
    kind: tagPatterns,
    help: 'Refuse to move tags: `true` for all, or patterns such as `v*,1.*`. A tag that has another digest fails the step before any tag moves; the same digest is success.',
  }),
  ignore_immutable_tag_errors: worksWithDefault(false, {
    env: ['PLUGIN_IGNORE_IMMUTABLE_TAG_ERRORS', 'PLUGIN_PUSH_IGNORE_IMMUTABLE_TAG_ERRORS'],
    kind: bool,
    help: 'A tag that may not be moved, by the registry or by `immutable_tags`, stays where it is with a warning.',
  }),
  timeout: works({
    env: ['PLUGIN_TIMEOUT'],
    kind: duration({ maxMs: 24 * 3_600_000, shown: '24h' }),
    help: 'Limit for the whole run, such as `30m`, at most `24h`. When it is reached, the step cleans up and ends with exit code 6. There is none by default.',
  }),
  upload_chunk_size: worksWithDefault(0, {
    env: ['PLUGIN_UPLOAD_CHUNK_SIZE'],
    kind: size,
    defaultText: '`0`: whole layers',
    help: 'Upload layers in chunks of this size, such as `16m`, for proxies that limit the size of a request. Chunks are used without it where a registry answers 413, and where a large layer breaks off twice.',
  }),
  verify: worksWithDefault('tags', {
    env: ['PLUGIN_VERIFY'],
    kind: oneOf('tags', 'full', 'off'),
    help: 'What is read back from the registry: each tag; `full`: also every manifest and layer, before a tag moves; `off`: nothing.',
  }),
  on_partial_publish: worksWithDefault('restore', {
    env: ['PLUGIN_ON_PARTIAL_PUBLISH'],
    kind: oneOf('restore', 'keep'),
    help: 'What happens to tags that moved before another tag failed: `restore` puts the old images back, `keep` leaves them.',
  }),
};
