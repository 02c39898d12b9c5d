// Rows: logins and trust for registries.
import { certificates, clientCertificates, hostsOrBool } from '../certificate-kinds.ts';
import { configText } from '../connection-kinds.ts';
import { loginRegistry, registryAddress, registryHosts } from '../destination-kinds.ts';
import { bool, secret, text } from '../kinds.ts';
import { commaList } from '../list-kinds.ts';
import { loginEntries } from '../login-kinds.ts';
import { known, offWords, works, worksWithDefault } from './row.ts';

export const credentialRows = {
  registry: worksWithDefault(
    { host: 'docker.io', path: '', plainHttp: false, written: '' },
    {
      env: ['PLUGIN_REGISTRY', 'DOCKER_REGISTRY', 'BASE_REGISTRY'],
      onlyIn: { BASE_REGISTRY: 'gcr' },
      kind: registryAddress,
      defaultText: 'Docker Hub',
      help: 'The registry that `username` and `password` belong to. It is put in front of `repo` for the registries of clouds only.',
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
  access_token: works({
    env: ['PLUGIN_ACCESS_TOKEN', 'ACCESS_TOKEN'],
    kind: secret,
    secret: true,
    help: 'OAuth2 token of a Google registry, sent to `registry` as the password of user `oauth2accesstoken`. Used only when `password` is empty.',
  }),
  logins: works({
    env: ['PLUGIN_LOGINS'],
    kind: loginEntries,
    secret: true,
    help: 'Logins for several registries, asked before all others: a list of maps with `registry`, `username` and `password`; or `access_token`, `config` (text of a `config.json`), or for Amazon `aws_access_key_id`, `aws_secret_access_key` and `aws_region`. A `registry` with a path is for the repositories below it. In Drone, write the whole list into one secret.',
  }),
  base_image_registry: works({
    env: ['PLUGIN_DOCKER_REGISTRY', 'PLUGIN_BASE_IMAGE_REGISTRY', 'DOCKER_BASE_IMAGE_REGISTRY'],
    kind: loginRegistry,
    help: 'The registry of `base_image_username` and `base_image_password`: a login that is used for pulling and never for pushing. The settings `docker_registry`, `docker_username` and `docker_password` mean the same; the variables `DOCKER_REGISTRY`, `DOCKER_USERNAME` and `DOCKER_PASSWORD` are the login for pushing.',
  }),
  base_image_username: works({
    env: ['PLUGIN_DOCKER_USERNAME', 'PLUGIN_BASE_IMAGE_USERNAME', 'DOCKER_BASE_IMAGE_USERNAME'],
    kind: text,
    help: 'User at `base_image_registry`. From Kaniko’s plugins: `DOCKER_USERNAME` meant this there, and means `username` here.',
  }),
  base_image_password: works({
    env: ['PLUGIN_DOCKER_PASSWORD', 'PLUGIN_BASE_IMAGE_PASSWORD', 'DOCKER_BASE_IMAGE_PASSWORD'],
    kind: secret,
    secret: true,
    help: 'Password at `base_image_registry`. Never used for pushing.',
  }),
  config: works({
    env: ['PLUGIN_CONFIG', 'DOCKER_PLUGIN_CONFIG', 'PLUGIN_REGISTRY_CONFIG', 'DOCKER_REGISTRY_CONFIG'],
    kind: configText,
    secret: true,
    help: 'Docker’s `config.json` with further logins: its text, or a path. `DOCKER_AUTH_CONFIG`, `$DOCKER_CONFIG/config.json` and `~/.docker/config.json` are read after it. Hosts that it leaves to the programs `ecr-login`, `gcloud`, `gcr` and `acr-env` are served by the login of that cloud.',
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
    help: 'Certificates of own authorities, as PEM text or paths; trusted beside the usual ones by this plugin’s connections to registries. `host=path` is for that host alone. Files of `/etc/docker/certs.d/<host>/` in the step are used as well. The daemon, which pulls and sometimes pushes, has its own.',
  }),

  skip_tls_verify: worksWithDefault<boolean | readonly string[]>(false, {
    env: ['PLUGIN_SKIP_TLS_VERIFY', 'PLUGIN_SKIP_TLS_VERIFY_REGISTRY', 'PLUGIN_INSECURE_SKIP_VERIFY'],
    kind: hostsOrBool,
    help: 'Do not verify certificates: `true` at `registry`, or at the registries of `repo` when `registry` is not given; or a list of hosts. Still TLS, never plain http.',
  }),
  insecure_pull: known(
    'accepted',
    ['PLUGIN_INSECURE_PULL', 'PLUGIN_SKIP_TLS_VERIFY_PULL'],
    'Pulls are made by the daemon: `insecure-registries`.',
    { inert: offWords },
  ),
  token_hosts: works({
    env: ['PLUGIN_TOKEN_HOSTS'],
    kind: commaList(registryHosts),
    help: 'Further hosts that may issue tokens for the registries of this step, and so see their logins. Needed only when a registry names a token server of another house.',
  }),
  client_cert: works({
    env: ['PLUGIN_CLIENT_CERT', 'PLUGIN_REGISTRY_CLIENT_CERT'],
    kind: clientCertificates,
    secret: true,
    help: 'Client certificate for registries that want one: `host=certificate,key` with paths, or PEM text of both for the registries that `insecure` is about. Not `client_certificate`, which is Azure’s.',
  }),
  skip_default_registry_fallback: known('ignored', ['PLUGIN_SKIP_DEFAULT_REGISTRY_FALLBACK'], 'Kaniko only.'),
  skip_push_permission_check: known(
    'ignored',
    ['PLUGIN_SKIP_PUSH_PERMISSION_CHECK'],
    'Kaniko only; the check here is one request.',
  ),
};
