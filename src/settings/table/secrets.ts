// Rows: what a build may read but not keep: secrets and the SSH key.
import { oneOf } from '../kinds.ts';
import { commaList } from '../list-kinds.ts';
import { secretFromFile, secretFromVariable, secretSpecs, sshPrivateKey } from '../secret-kinds.ts';
import { sshSpecs } from '../ssh-kinds.ts';
import { works, worksWithDefault } from './row.ts';

export const secretRows = {
  secret: works({
    env: ['PLUGIN_SECRET', 'PLUGIN_SECRETS'],
    kind: secretSpecs,
    secret: true,
    help: 'Secrets for `RUN --mount=type=secret`: `id=NAME,env=VARIABLE` or `id=NAME,src=FILE`, or a map of ids and values.',
  }),
  secrets_from_env: works({
    env: ['PLUGIN_SECRETS_FROM_ENV', 'PLUGIN_SECRET_ENVS'],
    kind: commaList(secretFromVariable),
    help: 'Secrets as `id=VARIABLE`. A variable that is not set gives an empty secret.',
  }),
  secrets_from_file: works({
    env: ['PLUGIN_SECRETS_FROM_FILE', 'PLUGIN_SECRET_FILES'],
    kind: commaList(secretFromFile),
    help: 'Secrets as `id=path`; at most 500 KiB each.',
  }),
  ssh_agent_key: works({
    env: ['PLUGIN_SSH_AGENT_KEY'],
    kind: sshPrivateKey,
    secret: true,
    help: 'Private key for `RUN --mount=type=ssh`. It stays in memory; the build can sign with it but not read it.',
  }),
  secret_scan: worksWithDefault('fail', {
    env: ['PLUGIN_SECRET_SCAN'],
    kind: oneOf('fail', 'warn', 'off'),
    help: 'What happens when a build argument has the value of a secret, or when variables, labels or history of the image hold one: it is not published, or only warned of.',
  }),
  ssh: works({
    env: ['PLUGIN_SSH'],
    kind: sshSpecs,
    help: 'Keys for `RUN --mount=type=ssh` by id: `id=path` of a private key (several: `id=path,path`) or of an agent’s socket; `default` alone forwards the agent at `SSH_AUTH_SOCK`. Steps can list keys and sign.',
  }),
};
