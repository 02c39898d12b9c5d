// Rows: where the image goes and under which tags.
import { imageTag, oneTag, repository, tag, tagSuffix } from '../destination-kinds.ts';
import { bool, oneOf, path, text } from '../kinds.ts';
import { commaList } from '../list-kinds.ts';
import { sourceImage } from '../source-kinds.ts';
import { known, works, worksWithDefault } from './row.ts';

/** More tags than this on one image are a mistake in a template. */
const maxTags = 50;

export const destinationRows = {
  repo: works({
    env: ['PLUGIN_REPO'],
    kind: commaList(repository),
    help: 'Repository to publish to, without scheme, tag and digest. Several get the same image. Required unless `dry_run` is set.',
  }),
  tags: works({
    env: ['PLUGIN_TAG', 'PLUGIN_TAGS'],
    kind: commaList(tag, { maxItems: maxTags, warnOfDuplicates: true }),
    defaultText: '`latest`',
    help: 'Tags to publish, at most 50. When not given, the file `.tags` of the workspace is read (tags separated by commas or line ends).',
  }),
  tags_file: works({
    env: ['PLUGIN_TAGS_FILE', 'PLUGIN_TAG_FILE'],
    kind: path,
    help: 'File with tags, in the format of `.tags`. Wins over `tags`.',
  }),
  ignore_tags_file: worksWithDefault(false, {
    env: ['PLUGIN_IGNORE_TAGS_FILE'],
    kind: bool,
    help: 'Never read `.tags`: whoever can change the workspace could choose the tags by it.',
  }),
  auto_tag: worksWithDefault(false, {
    env: ['PLUGIN_DEFAULT_TAGS', 'PLUGIN_AUTO_TAG'],
    kind: bool,
    help: 'Make the tags from the git ref: `v1.2.3` gives `1`, `1.2` and `1.2.3`, the default branch gives `latest`, anything else ends the step without building. Replaces `tags`.',
  }),
  auto_tag_suffix: works({
    env: ['PLUGIN_DEFAULT_SUFFIX', 'PLUGIN_AUTO_TAG_SUFFIX'],
    kind: tagSuffix,
    help: 'Appended with "-" to each tag of `auto_tag`; `latest` becomes the suffix alone.',
  }),
  default_tag: worksWithDefault('latest', {
    env: ['PLUGIN_DEFAULT_TAG'],
    kind: oneTag,
    help: 'The tag that `auto_tag` gives to the default branch.',
  }),
  auto_tag_with_tags: worksWithDefault(false, {
    env: ['PLUGIN_AUTO_TAG_WITH_TAGS'],
    kind: bool,
    help: 'Publish `tags` too, after those of `auto_tag`.',
  }),
  auto_tag_latest: worksWithDefault('branch', {
    env: ['PLUGIN_AUTO_TAG_LATEST'],
    kind: oneOf('branch', 'release', 'both', 'none'),
    help: 'Who gets `default_tag`: builds of the default branch, git tags that are no prerelease, both, or nobody.',
  }),
  auto_tag_depth: worksWithDefault('major', {
    env: ['PLUGIN_AUTO_TAG_DEPTH'],
    kind: oneOf('major', 'minor', 'patch'),
    help: 'The shortest version that `auto_tag` makes: `minor` leaves out `1`, `patch` leaves out `1` and `1.2`.',
  }),
  auto_tag_prefix: works({
    env: ['PLUGIN_AUTO_TAG_PREFIX'],
    kind: text,
    help: 'Prefix of git tags that belong to this image, for example `cmd/api/`; other git tags end the step without building.',
  }),
  auto_tag_non_semver: worksWithDefault('fail', {
    env: ['PLUGIN_AUTO_TAG_NON_SEMVER'],
    kind: oneOf('fail', 'as_is', 'latest'),
    help: 'What `auto_tag` does with a git tag that is no version: fail, publish it as it is (made legal), or publish `default_tag`.',
  }),
  auto_tag_fallback: worksWithDefault('skip', {
    env: ['PLUGIN_AUTO_TAG_FALLBACK'],
    kind: oneOf('skip', 'build'),
    help: 'What happens when `auto_tag` has no tags for this ref: nothing, or a build that is not published.',
  }),
  dry_run: worksWithDefault(false, {
    env: ['PLUGIN_DRY_RUN', 'PLUGIN_NO_PUSH'],
    kind: bool,
    help: 'Build without publishing. Logins are used for pulling only.',
  }),
  push: worksWithDefault(true, {
    env: ['PLUGIN_PUSH'],
    kind: bool,
    help: '`false` means `dry_run: true`.',
  }),

  auto_tag_forward_only: worksWithDefault(false, {
    env: ['PLUGIN_AUTO_TAG_FORWARD_ONLY'],
    kind: bool,
    help: 'List the tags of the repository first, and move `1`, `1.2` and `latest` only when no newer version is there: a fix for an old line does not take them back.',
  }),
  expand_tag: worksWithDefault(false, {
    env: ['PLUGIN_EXPAND_TAG'],
    kind: bool,
    help: 'Each of `tags` that is a version stands for `1`, `1.2` and `1.2.3`; a prerelease stays alone. For tags from git refs there is `auto_tag`.',
  }),
  expand_repo: worksWithDefault(false, {
    env: ['PLUGIN_EXPAND_REPO'],
    kind: bool,
    help: 'Put `registry` in front of `repo` and `cache_repo` when they name no host.',
  }),
  extra_tags: works({
    env: ['PLUGIN_EXTRA_TAGS'],
    kind: commaList(imageTag, { maxItems: maxTags, warnOfDuplicates: true }),
    help: 'Full references (`host/name:tag`) to publish besides `repo` and `tags`.',
  }),
  extra_tags_file: works({
    env: ['PLUGIN_EXTRA_TAGS_FILE'],
    kind: path,
    help: 'File with further `extra_tags`, in the format of `.tags`. It is read only when it is named here.',
  }),
  push_only: worksWithDefault(false, {
    env: ['PLUGIN_PUSH_ONLY'],
    kind: bool,
    help: 'Promote: build nothing, and publish `source_image`, or the archive `source_tar_path`, under `repo` and `tags`. Its digest stays the same, and an index stays whole. `platform` picks one image of an index.',
  }),
  source_image: works({
    env: ['PLUGIN_SOURCE_IMAGE'],
    kind: sourceImage,
    defaultText: 'the first of `repo` with the first of `tags`',
    help: 'What `push_only` publishes: `name:tag`, `name@sha256:...`, `name:tag@sha256:...`, or the id of an image in the daemon.',
  }),
  source_from: worksWithDefault('auto', {
    env: ['PLUGIN_SOURCE_FROM'],
    kind: oneOf('auto', 'registry', 'daemon'),
    help: 'Where `source_image` is read from. `auto` means the registry, and the daemon for an image id; a name that another step left in the daemon needs `daemon`.',
  }),
  source_tar_path: works({
    env: ['PLUGIN_SOURCE_TAR_PATH'],
    kind: path,
    help: 'Archive that `push_only` publishes: of `docker save`, an OCI archive, or the folder of an OCI layout. Wins over `source_image`.',
  }),
  referrers: worksWithDefault(false, {
    env: ['PLUGIN_REFERRERS'],
    kind: bool,
    help: 'With `push_only`, also copy what refers to the image: signatures, SBOMs and attestations that its repository lists as referrers, or keeps under the tags of cosign.',
  }),
  force_tag: known('ignored', ['PLUGIN_FORCE_TAG'], 'An option of docker versions long gone.'),
  repository_tags: known('refused', ['PLUGIN_REPOSITORY_TAGS'], 'Reserved.'),
  repository_kms_key: known('refused', ['PLUGIN_REPOSITORY_KMS_KEY'], 'Reserved.'),
  manifest_sources: known('refused', ['PLUGIN_MANIFEST_SOURCES'], 'Reserved.'),
};
