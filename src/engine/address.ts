// Reads the forms of DOCKER_HOST. An address says where the daemon listens and whether TLS is spoken there; which
// certificates are used is the business of tls.ts. ssh:// is refused: it needs a docker command at the other end.
// https://docs.docker.com/reference/cli/docker/#environment-variables (DOCKER_HOST)
import { PluginError } from '../base/plugin-error.ts';

/** Where a Docker Engine listens. */
export type EngineAddress =
  | { readonly kind: 'unix'; readonly socketPath: string }
  | {
      readonly kind: 'tcp';
      /** Without brackets, also for IPv6. */
      readonly host: string;
      readonly port: number;
      readonly tls: boolean;
      /** Path in front of the API's own paths, without a slash at its end; usually empty. */
      readonly pathPrefix: string;
    };

const plainPort = 2375;
const tlsPort = 2376;

/**
 * The address that a DOCKER_HOST text names.
 *
 * @param wantsTls TLS for the schemes that leave it open (tcp://); https:// has it anyway, http:// never
 * @throws PluginError exit 2 for a form that this plugin cannot use
 */
export function parseDockerHost(text: string, wantsTls: boolean): EngineAddress {
  const separator = text.indexOf('://');
  if (separator < 0) throw unusable(text, text.startsWith('/') ? `write unix://${text}` : `write tcp://${text}`);
  const scheme = text.slice(0, separator).toLowerCase();
  switch (scheme) {
    case 'unix': {
      const socketPath = text.slice(separator + 3);
      if (!socketPath.startsWith('/')) throw unusable(text, 'unix:// is followed by an absolute path');
      return { kind: 'unix', socketPath };
    }
    case 'tcp':
      return tcpAddress(text, separator, wantsTls);
    case 'http':
      return tcpAddress(text, separator, false);
    case 'https':
      return tcpAddress(text, separator, true);
    case 'ssh':
      throw unusable(text, 'forward the socket (ssh -L) on the runner and give its unix:// or tcp:// address');
    default:
      throw unusable(text, undefined);
  }
}

/** The address as shown to people. */
export function describeAddress(address: EngineAddress): string {
  if (address.kind === 'unix') return `unix://${address.socketPath}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `tcp://${host}:${String(address.port)}${address.pathPrefix}`;
}

function tcpAddress(text: string, separator: number, tls: boolean): EngineAddress {
  // Parsed under a scheme that the URL standard does not know: under http the port 80 would be dropped as its default.
  const rest = text.slice(separator + 3);
  const parsed = URL.canParse(`docker://${rest}`) ? new URL(`docker://${rest}`) : undefined;
  if (parsed === undefined || parsed.hostname === '') throw unusable(text, 'write tcp://host:port');
  if (parsed.username !== '' || parsed.password !== '') throw unusable(undefined, 'it may not hold a user or password');
  return {
    kind: 'tcp',
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? (tls ? tlsPort : plainPort) : Number(parsed.port),
    tls,
    pathPrefix: parsed.pathname.replace(/\/+$/, ''),
  };
}

function unusable(text: string | undefined, advice: string | undefined): PluginError {
  const shown = text === undefined ? 'the daemon address' : `the daemon address "${text}"`;
  return new PluginError({
    code: 'docker-host-unusable',
    exitCode: 2,
    message: `${shown} is not one of unix:///path, tcp://host:port, http://host:port, https://host:port`,
    hint:
      advice === undefined
        ? 'correct `docker_host` or DOCKER_HOST'
        : `correct \`docker_host\` or DOCKER_HOST: ${advice}`,
  });
}
