// Rows: what is written about a run, for the pipeline and for people.
import { known } from './row.ts';

export const reportRows = {
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
};
