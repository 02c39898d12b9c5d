// Rows: how the image travels to the registry.
import { tagPatterns } from '../destination-kinds.ts';
import { bool, int } from '../kinds.ts';
import { known, worksWithDefault } from './row.ts';

export const publishingRows = {
  retries: worksWithDefault(5, {
    env: ['PLUGIN_RETRIES', 'PLUGIN_PUSH_RETRY'],
    kind: int({ min: 0, max: 20 }),
    help: 'How often a registry request is repeated after a fault that may pass.',
  }),
  max_concurrent_uploads: worksWithDefault(6, {
    env: ['PLUGIN_MAX_CONCURRENT_UPLOADS'],
    kind: int({ min: 1, max: 32 }),
    help: 'Layers that are uploaded at once.',
  }),
  compression_level: worksWithDefault(4, {
    env: ['PLUGIN_COMPRESSION_LEVEL'],
    kind: int({ min: 1, max: 9 }),
    help: 'How hard gzip tries, 1 to 9, where layers are compressed by this plugin (graph-driver image stores).',
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
  timeout: known('unused', ['PLUGIN_TIMEOUT'], 'Limit for the whole run.'),
  upload_chunk_size: known('unused', ['PLUGIN_UPLOAD_CHUNK_SIZE'], 'Upload in chunks.', { inert: ['0'] }),
  compression: known('refused', ['PLUGIN_COMPRESSION'], 'Compression of layers.', { inert: ['gzip'] }),
  oci_mediatypes: known('refused', ['PLUGIN_OCI_MEDIATYPES'], 'Media types of the manifest.', { inert: ['auto'] }),
  verify: known('unused', ['PLUGIN_VERIFY'], 'What is read back after publishing.', { inert: ['tags'] }),
  on_partial_publish: known(
    'unused',
    ['PLUGIN_ON_PARTIAL_PUBLISH'],
    'What happens to tags that moved before a failure.',
  ),
};
