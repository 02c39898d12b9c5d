// Rows: what is written about a run, for the pipeline and for people.
import { oneOf, path } from '../kinds.ts';
import { works, worksWithDefault } from './row.ts';

export const reportRows = {
  card_path: works({
    env: ['DRONE_CARD_PATH'],
    kind: path,
    help: 'Where the Drone card goes; runners set the variable. One card, after success; to `/dev/stdout` as the escape sequence that runners collect, to any other path as JSON.',
  }),
  artifact_file: works({
    env: ['PLUGIN_ARTIFACT_FILE'],
    kind: path,
    help: 'File that lists what was published, for the artifacts tab of Harness. Not written in a dry run.',
  }),
  output_file: works({
    env: ['DRONE_OUTPUT', 'HARNESS_OUTPUT_FILE'],
    kind: path,
    help: 'Outputs of the step for later steps: `digest`, `image`, `image_ref`, `images`, `tags`, `published`, `skipped`. Runners set the variables; when they name two files, both are written.',
  }),
  metadata_file: works({
    env: ['PLUGIN_METADATA_FILE'],
    kind: path,
    help: 'JSON with the keys of `docker buildx build --metadata-file`, and our own facts under `docker-build`.',
  }),
  digest_file: works({
    env: ['PLUGIN_DIGEST_FILE'],
    kind: path,
    help: 'File for the digest of what was published, without line end.',
  }),
  iid_file: works({
    env: ['PLUGIN_IID_FILE', 'PLUGIN_IIDFILE'],
    kind: path,
    help: 'File for the image id (the digest of its config), without line end. An index has the digest of the index in it.',
  }),
  image_name_with_digest_file: works({
    env: ['PLUGIN_IMAGE_NAME_WITH_DIGEST_FILE'],
    kind: path,
    help: 'File for `name@digest` of each repository, one per line.',
  }),
  image_name_tag_with_digest_file: works({
    env: ['PLUGIN_IMAGE_NAME_TAG_WITH_DIGEST_FILE'],
    kind: path,
    help: 'File for `name:tag@digest` of each tag, one per line.',
  }),
  cache_metrics_file: works({
    env: ['PLUGIN_CACHE_METRICS_FILE'],
    kind: path,
    help: 'JSON with the steps of the build: done, cached, failed or cancelled, and their seconds. Written also when the build fails.',
  }),
  progress: worksWithDefault('plain', {
    env: ['PLUGIN_PROGRESS'],
    kind: oneOf('plain', 'auto', 'tty', 'quiet', 'rawjson'),
    help: '`quiet` prints results and failures only; `rawjson` prints the build’s progress as JSON lines in the form of buildx. The others are `plain`.',
  }),
};
