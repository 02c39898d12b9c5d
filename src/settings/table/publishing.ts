// Rows: how the image travels to the registry, and what is written about it: files, cards, signatures.
import { int } from '../kinds.ts';
import { known, offWords, worksWithDefault } from './row.ts';

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

  skip_push_if_tag_exists: known('refused', ['PLUGIN_SKIP_PUSH_IF_TAG_EXISTS'], 'Publish missing tags only.', {
    inert: offWords,
  }),
  immutable_tags: known('refused', ['PLUGIN_IMMUTABLE_TAGS'], 'Tags that must not move.', { inert: offWords }),
  ignore_immutable_tag_errors: known(
    'unused',
    ['PLUGIN_IGNORE_IMMUTABLE_TAG_ERRORS', 'PLUGIN_PUSH_IGNORE_IMMUTABLE_TAG_ERRORS'],
    'Warn when a registry refuses to move a tag.',
    { inert: offWords },
  ),
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
  load: known('refused', ['PLUGIN_LOAD', 'PLUGIN_BUILDX_LOAD'], 'Keep the image on the daemon.', { inert: offWords }),
  outputs: known('refused', ['PLUGIN_OUTPUT', 'PLUGIN_OUTPUTS'], 'Write the result to files.'),
  tar_path: known('refused', ['PLUGIN_TAR_PATH', 'PLUGIN_DESTINATION_TAR_PATH'], 'Write the image to an archive.'),
  buildx_output_format: known('unused', ['PLUGIN_BUILDX_OUTPUT_FORMAT'], 'Format of `tar_path`.', {
    inert: ['docker'],
  }),
  oci_layout_path: known('refused', ['PLUGIN_OCI_LAYOUT_PATH'], 'Write the image to a folder.'),

  card_path: known('unused', [], 'Drone card; found by `DRONE_CARD_PATH`.'),
  artifact_file: known('unused', ['PLUGIN_ARTIFACT_FILE'], 'File with what was published, for Harness.'),
  output_file: known('unused', [], 'Outputs of the step; found by `DRONE_OUTPUT` and `HARNESS_OUTPUT_FILE`.'),
  metadata_file: known('unused', ['PLUGIN_METADATA_FILE'], 'File with the keys of buildx.'),
  digest_file: known('unused', ['PLUGIN_DIGEST_FILE'], 'File with the digest.'),
  iid_file: known('unused', ['PLUGIN_IID_FILE', 'PLUGIN_IIDFILE'], 'File with the image id.'),
  image_name_with_digest_file: known(
    'unused',
    ['PLUGIN_IMAGE_NAME_WITH_DIGEST_FILE'],
    'File with name and digest of what was published.',
  ),
  image_name_tag_with_digest_file: known(
    'unused',
    ['PLUGIN_IMAGE_NAME_TAG_WITH_DIGEST_FILE'],
    'File with name, tag and digest of what was published.',
  ),
  cache_metrics_file: known('unused', ['PLUGIN_CACHE_METRICS_FILE'], 'File with counts of cached steps.'),
  progress: known('unused', ['PLUGIN_PROGRESS'], 'Form of the log.', { inert: ['plain', 'auto'] }),

  cosign_private_key: known('refused', ['PLUGIN_COSIGN_PRIVATE_KEY'], 'Sign what is published.', { secret: true }),
  cosign_password: known('unused', ['PLUGIN_COSIGN_PASSWORD'], 'Password of `cosign_private_key`.', { secret: true }),
  cosign_params: known('unused', ['PLUGIN_COSIGN_PARAMS'], 'Options of signing.'),
  cosign_required: known('unused', ['PLUGIN_COSIGN_REQUIRED'], 'Fail when signing fails.'),
  provenance: known('refused', ['PLUGIN_PROVENANCE'], 'Provenance attestation.', { inert: offWords }),
  sbom: known('refused', ['PLUGIN_SBOM'], 'SBOM attestation.', { inert: offWords }),
  attests: known('refused', ['PLUGIN_ATTESTS', 'PLUGIN_ATTEST'], 'Attestations.'),
};
