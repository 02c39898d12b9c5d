// Rows: where the files of the build come from, and the other ways to say what is built.
import { contextAddress, namedContexts } from '../context-kinds.ts';
import { variables } from '../extra-environment.ts';
import { epochSeconds, path, bool, secret, text } from '../kinds.ts';
import { known, works, worksWithDefault } from './row.ts';

export const buildSourceRows = {
  dockerfile: works({
    env: ['PLUGIN_DOCKERFILE', 'PLUGIN_CONTAINERFILE', 'PLUGIN_FILE'],
    kind: path,
    defaultText: '`Dockerfile`',
    help: 'Path of the Dockerfile, relative to the workspace (not to `context`). When it is missing, a `Containerfile` in the same folder is used.',
  }),
  context: works({
    env: ['PLUGIN_CONTEXT'],
    kind: contextAddress,
    defaultText: '`.`',
    help: 'Folder whose files the build may copy; links inside are sent as links, never followed. Or the address of a git repository (`https://….git#ref:folder`, `git@host:path`) or of an archive, which the daemon fetches; `dockerfile` is then a path inside of it.',
  }),
  context_sub_path: works({
    env: ['PLUGIN_CONTEXT_SUB_PATH'],
    kind: path,
    help: 'Folder inside of `context` that is used instead of it; for a remote context too.',
  }),
  follow_outside_links: worksWithDefault(false, {
    env: ['PLUGIN_FOLLOW_OUTSIDE_LINKS'],
    kind: bool,
    help: 'Let links of the workspace lead the context, the Dockerfile and secret files out of the workspace.',
  }),
  strict_context: worksWithDefault(false, {
    env: ['PLUGIN_STRICT_CONTEXT'],
    kind: bool,
    help: 'Fail, instead of warning, when the context that is sent holds a login in `.git/config`, `.netrc`, `.npmrc` or `.docker/config.json`.',
  }),
  named_context: works({
    env: ['PLUGIN_NAMED_CONTEXT', 'PLUGIN_BUILD_CONTEXTS'],
    kind: namedContexts,
    help: 'Further contexts for `FROM`, `COPY --from` and mounts: `name=folder`, `name=docker-image://reference`, or `name=` with an address as in `context`.',
  }),
  source_date_epoch: works({
    env: ['PLUGIN_SOURCE_DATE_EPOCH', 'SOURCE_DATE_EPOCH'],
    kind: epochSeconds,
    help: 'Seconds since 1970, or `commit` for the time of the commit in the workspace: becomes the build argument of this name, the creation time of the image and its `created` label.',
  }),
  reproducible: worksWithDefault(false, {
    env: ['PLUGIN_REPRODUCIBLE'],
    kind: bool,
    help: 'Equal digests for equal inputs: `source_date_epoch: commit`, and times of files are set to it where the daemon has the containerd image store.',
  }),
  environment: works({
    env: ['PLUGIN_ENVIRONMENT'],
    kind: variables,
    secret: true,
    help: 'JSON object of further variables for build arguments without a value, `build_args_from_env` and `secrets_from_env`.',
  }),
  env_file: works({
    env: ['PLUGIN_ENV_FILE'],
    kind: path,
    help: 'File with variables (`PLUGIN_…` or what other settings name), one `NAME=value` per line. It never overrides what the step has.',
  }),
  buildx_options: works({
    env: ['PLUGIN_BUILDX_OPTIONS'],
    kind: text,
    help: 'Flags of `docker buildx build`, each read as the setting that means the same; `--load`, `--push` and `--builder` are not used, and any other flag is refused.',
  }),
  buildx_options_semicolon: works({
    env: ['PLUGIN_BUILDX_OPTIONS_SEMICOLON'],
    kind: text,
    help: 'The same, separated by ";".',
  }),
  bake_file: known(
    'refused',
    ['PLUGIN_BAKE_FILE'],
    'Bake is not supported: write a step for each target, with `target`, `build_args` and `tags`.',
  ),
  bake_options: known('refused', ['PLUGIN_BAKE_OPTIONS'], 'Bake is not supported: write a step for each target.'),
  call: known('refused', ['PLUGIN_CALL'], 'Check the Dockerfile instead of building.', { inert: ['build'] }),
  github_token: works({
    env: ['PLUGIN_GITHUB_TOKEN'],
    kind: secret,
    secret: true,
    help: 'Token with which the daemon fetches a git `context` over https. It is offered to the build as secret `GIT_AUTH_TOKEN`.',
  }),
};
