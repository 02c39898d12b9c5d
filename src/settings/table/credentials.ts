// Rows: logins and trust for registries.
import { certificates, configText } from '../connection-kinds.ts';
import { registryAddress, registryHosts } from '../destination-kinds.ts';
import { bool, secret, text } from '../kinds.ts';
import { commaList } from '../list-kinds.ts';
import { known, offWords, works, worksWithDefault } from './row.ts';

export const credentialRows = {
  registry: worksWithDefault(
    { host: 'docker.io', plainHttp: false },
    {
      env: ['PLUGIN_REGISTRY', 'DOCKER_REGISTRY'],
      kind: registryAddress,
      defaultText: 'Docker Hub',
      help: 'The registry that `username` and `password` belong to. It is not put in front of `repo`.',
    },
  ),
  username: works({
    env: ['PLUGIN_USERNAME', 'DOCKER_USERNAME'],
    kind: text,
    help: 'User at `registry`.',
  }),
  password: works({
    env: ['PLUGIN_PASSWORD', 'DOCKER_PASSWORD'],
    kind: secret,
    secret: true,
    help: 'Password or token at `registry`. It is sent to that host only.',
  }),
  config: works({
    env: ['PLUGIN_CONFIG', 'DOCKER_PLUGIN_CONFIG', 'PLUGIN_REGISTRY_CONFIG', 'DOCKER_REGISTRY_CONFIG'],
    kind: configText,
    secret: true,
    help: 'Docker’s `config.json` with further logins: its text, or a path. `DOCKER_AUTH_CONFIG`, `$DOCKER_CONFIG/config.json` and `~/.docker/config.json` are read after it.',
  }),
  insecure: worksWithDefault(false, {
    env: ['PLUGIN_INSECURE'],
    kind: bool,
    help: 'Accept unverified TLS and plain http at `registry`, or at the registries of `repo` when `registry` is not given. Pulls are made by the daemon, which has its own setting for this.',
  }),
  insecure_registries: works({
    env: ['PLUGIN_INSECURE_REGISTRIES', 'PLUGIN_INSECURE_REGISTRY'],
    kind: commaList(registryHosts),
    help: 'Hosts where unverified TLS and plain http are accepted.',
  }),
  ca_cert: works({
    env: ['PLUGIN_CA_CERT', 'PLUGIN_REGISTRY_CERTIFICATE', 'HARNESS_CA_PATH'],
    kind: certificates,
    help: 'Certificates of own authorities, as PEM text or paths; trusted beside those of the system by this plugin’s connections to registries.',
  }),

  access_token: known('refused', ['PLUGIN_ACCESS_TOKEN'], 'Token of a Google registry.', { secret: true }),
  email: known('ignored', ['PLUGIN_EMAIL'], 'Registries do not ask for it.'),
  logins: known('refused', ['PLUGIN_LOGINS'], 'Several logins; use `config`.', { secret: true }),
  base_image_registry: known(
    'refused',
    ['PLUGIN_DOCKER_REGISTRY', 'PLUGIN_BASE_IMAGE_REGISTRY'],
    'Login for base images; use `config`.',
  ),
  base_image_username: known(
    'refused',
    ['PLUGIN_DOCKER_USERNAME', 'PLUGIN_BASE_IMAGE_USERNAME'],
    'Login for base images; use `config`.',
  ),
  base_image_password: known(
    'refused',
    ['PLUGIN_DOCKER_PASSWORD', 'PLUGIN_BASE_IMAGE_PASSWORD'],
    'Login for base images; use `config`.',
    { secret: true },
  ),
  skip_tls_verify: known(
    'unused',
    ['PLUGIN_SKIP_TLS_VERIFY', 'PLUGIN_SKIP_TLS_VERIFY_REGISTRY', 'PLUGIN_INSECURE_SKIP_VERIFY'],
    'Do not verify certificates of registries; use `ca_cert` or `insecure`.',
    { inert: offWords },
  ),
  insecure_pull: known(
    'accepted',
    ['PLUGIN_INSECURE_PULL', 'PLUGIN_SKIP_TLS_VERIFY_PULL'],
    'Pulls are made by the daemon: `insecure-registries`.',
    { inert: offWords },
  ),
  token_hosts: known('unused', ['PLUGIN_TOKEN_HOSTS'], 'Further hosts that may issue tokens.'),
  client_cert: known(
    'unused',
    ['PLUGIN_CLIENT_CERT', 'PLUGIN_REGISTRY_CLIENT_CERT'],
    'Client certificates for registries.',
    { secret: true },
  ),
  skip_default_registry_fallback: known('ignored', ['PLUGIN_SKIP_DEFAULT_REGISTRY_FALLBACK'], 'Kaniko only.'),
  skip_push_permission_check: known(
    'ignored',
    ['PLUGIN_SKIP_PUSH_PERMISSION_CHECK'],
    'Kaniko only; the check here is one request.',
  ),
};
