// Rows: the daemon that builds, and how much is logged. Options of a daemon that the step would start itself are known:
// they are named once, with the place where they belong.
import { apiVersion, daemonAddress } from '../connection-kinds.ts';
import { bool, dockerBool, int, oneOf, path, secretText } from '../kinds.ts';
import { known, offWords, works, worksWithDefault } from './row.ts';

/** As long as drone-docker waits for its own daemon. */
const defaultWaitSeconds = 15;

export const daemonRows = {
  docker_host: works({
    env: ['PLUGIN_DOCKER_HOST', 'DOCKER_HOST'],
    kind: daemonAddress,
    defaultText: 'the usual sockets',
    help: 'Address of the daemon that builds: `unix://`, `tcp://`, `http://` or `https://`.',
  }),
  docker_tls_verify: worksWithDefault(false, {
    env: ['PLUGIN_DOCKER_TLS_VERIFY', 'DOCKER_TLS_VERIFY'],
    kind: dockerBool,
    help: 'Use TLS and verify the daemon. In the plain variable any text means true.',
  }),
  docker_cert_path: works({
    env: ['PLUGIN_DOCKER_CERT_PATH', 'DOCKER_CERT_PATH'],
    kind: path,
    help: 'Folder with `ca.pem`, `cert.pem` and `key.pem` for the daemon.',
  }),
  docker_tls_ca: works({
    env: ['PLUGIN_DOCKER_TLS_CA'],
    kind: secretText,
    secret: true,
    help: 'Text of `ca.pem`, for steps that have secrets but no files.',
  }),
  docker_tls_cert: works({
    env: ['PLUGIN_DOCKER_TLS_CERT'],
    kind: secretText,
    secret: true,
    help: 'Text of `cert.pem`.',
  }),
  docker_tls_key: works({
    env: ['PLUGIN_DOCKER_TLS_KEY'],
    kind: secretText,
    secret: true,
    help: 'Text of `key.pem`.',
  }),
  docker_api_version: works({
    env: ['PLUGIN_DOCKER_API_VERSION', 'DOCKER_API_VERSION'],
    kind: apiVersion,
    defaultText: 'negotiated',
    help: 'Version of the Engine API to speak.',
  }),
  daemon_retry_count: worksWithDefault(defaultWaitSeconds, {
    env: ['PLUGIN_DAEMON_RETRY_COUNT'],
    kind: int({ min: 1, max: 600, below: defaultWaitSeconds }),
    help: 'Seconds to wait for the daemon; 0 means the default.',
  }),
  debug: worksWithDefault(false, {
    env: ['PLUGIN_DEBUG', 'DOCKER_LAUNCH_DEBUG', 'PLUGIN_BUILDKIT_DEBUG'],
    kind: bool,
    help: 'Log more. Secrets stay masked.',
  }),
  log_level: worksWithDefault('info', {
    env: ['PLUGIN_LOG_LEVEL', 'PLUGIN_VERBOSITY', 'PLUGIN_LOG'],
    kind: oneOf('panic', 'fatal', 'error', 'warn', 'warning', 'info', 'debug', 'trace'),
    help: '`debug` and `trace` mean `debug: true`; `error`, `fatal` and `panic` mean `quiet: true`.',
  }),

  purge: worksWithDefault(true, {
    env: ['PLUGIN_PURGE'],
    kind: bool,
    help: 'Remove the temporary name that the image has on a daemon with a graph-driver store. With `false` it stays there, and the log says how to remove it. Nothing of others is ever removed.',
  }),
  daemon_off: known('ignored', ['PLUGIN_DAEMON_OFF'], 'No daemon is ever started.'),
  experimental: known('ignored', ['PLUGIN_EXPERIMENTAL'], 'The daemon decides.'),
  log_format: known('ignored', ['PLUGIN_LOG_FORMAT'], 'Kaniko only.'),
  log_timestamp: known('ignored', ['PLUGIN_LOG_TIMESTAMP'], 'Kaniko only.'),
  buildkit_host: known('refused', ['PLUGIN_BUILDKIT_HOST', 'PLUGIN_BUILDER_REMOTE_CONN'], 'Address of a buildkitd.'),
  mirror: known(
    'accepted',
    ['PLUGIN_MIRROR', 'DOCKER_PLUGIN_MIRROR', 'PLUGIN_REGISTRY_MIRRORS'],
    '`registry-mirrors` in daemon.json.',
  ),
  storage_driver: known('accepted', ['PLUGIN_STORAGE_DRIVER'], '`storage-driver` in daemon.json.'),
  storage_path: known('accepted', ['PLUGIN_STORAGE_PATH'], '`data-root` in daemon.json.'),
  bip: known('accepted', ['PLUGIN_BIP'], '`bip` in daemon.json.'),
  mtu: known('accepted', ['PLUGIN_MTU'], '`mtu` in daemon.json.'),
  ipv6: known('accepted', ['PLUGIN_IPV6'], '`ipv6` in daemon.json.', { inert: offWords }),
  custom_dns: known('accepted', ['PLUGIN_CUSTOM_DNS'], '`dns` in daemon.json.'),
  custom_dns_search: known('accepted', ['PLUGIN_CUSTOM_DNS_SEARCH'], '`dns-search` in daemon.json.'),
  builder: known(
    'declined',
    [
      'PLUGIN_BUILDER',
      'PLUGIN_BUILDER_NAME',
      'PLUGIN_BUILDER_DRIVER',
      'PLUGIN_BUILDER_DRIVER_OPTS',
      'PLUGIN_BUILDER_DRIVER_OPTS_NEW',
      'PLUGIN_BUILDER_CONFIG',
    ],
    'No builder is created.',
    { inert: ['docker', 'default'] },
  ),
  buildkit_config: known('accepted', ['PLUGIN_BUILDKIT_CONFIG'], '`builder` in daemon.json.'),
  buildkit_driveropt: known('declined', ['PLUGIN_BUILDKIT_DRIVEROPT'], 'No builder is created.'),
  use_loaded_buildkit: known('ignored', ['PLUGIN_USE_LOADED_BUILDKIT'], 'No builder is created.'),
  buildkit_assets_dir: known('ignored', ['PLUGIN_BUILDKIT_ASSETS_DIR'], 'No builder is created.'),
  buildkit_version: known('ignored', ['PLUGIN_BUILDKIT_VERSION'], 'The daemon brings its own.'),
  buildkit_tls_handshake_timeout: known('ignored', ['PLUGIN_BUILDKIT_TLS_HANDSHAKE_TIMEOUT'], 'No builder is created.'),
  buildkit_response_header_timeout: known(
    'ignored',
    ['PLUGIN_BUILDKIT_RESPONSE_HEADER_TIMEOUT'],
    'No builder is created.',
  ),
  buildkit_inherit_auth: known('ignored', ['PLUGIN_BUILDKIT_INHERIT_AUTH'], 'No builder is created.'),
  image_download_retry: known('declined', ['PLUGIN_IMAGE_DOWNLOAD_RETRY'], 'Pulls are made by the daemon.'),
};
