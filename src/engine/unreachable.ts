// Words for a daemon that cannot be reached. Most people meet this message first: it names the address that was tried,
// what the system said, and the three places where a runner hands its daemon to the steps.
import { lstat, stat } from 'node:fs/promises';
import { PluginError } from '../base/plugin-error.ts';
import { describeAddress, type EngineAddress } from './address.ts';
import { errorCode, errorText } from './error-code.ts';
import { AnswerLimitError } from './transport.ts';

/** A daemon that starts, restarts, or whose service name is not known to the network yet. */
const notThereYetCodes: ReadonlySet<string> = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

const runnerCure =
  'mount the socket with DRONE_RUNNER_VOLUMES=/var/run/docker.sock:/var/run/docker.sock on the runner, or put ' +
  'DOCKER_HOST into its DRONE_RUNNER_ENV_FILE, or set `docker_host` in the step';

export interface FailedAddress {
  readonly address: EngineAddress;
  readonly error: unknown;
}

/** Whether waiting may help. A folder in place of the socket is a wrong mount and stays one. */
export async function isNotThereYet(address: EngineAddress, error: unknown): Promise<boolean> {
  const code = errorCode(error);
  if (error instanceof PluginError || code === undefined || !notThereYetCodes.has(code)) return false;
  return !(address.kind === 'unix' && (await isDirectory(address.socketPath)));
}

/** The PluginError (exit 5) for the addresses that were tried. */
export async function describeUnreachable(
  failed: readonly FailedAddress[],
  waitedSeconds: number,
): Promise<PluginError> {
  const last = failed.at(-1);
  if (last === undefined) {
    return unreachable('no daemon address is known', runnerCure, undefined);
  }
  if (last.error instanceof PluginError) return last.error;
  const where = describeAddress(last.address);
  const code = errorCode(last.error);
  if (last.error instanceof AnswerLimitError && last.error.isConnected) {
    return unreachable(
      `the daemon at ${where} accepted the connection and gave ${last.error.message}`,
      'look at the daemon: it hangs, or something else listens there',
      last.error,
    );
  }
  if (code === 'EACCES' || code === 'EPERM') return permissionDenied(last.address, where, last.error);
  if (code?.startsWith('HPE_') === true) {
    return notHttp(where, last.error);
  }
  if (last.address.kind === 'tcp' && last.address.tls && isTlsCode(code)) {
    return unreachable(
      `TLS with the daemon at ${where} failed: ${tlsText(last.error)}`,
      'DOCKER_CERT_PATH must hold the ca.pem that signed the daemon and a cert.pem/key.pem that it accepts; its certificate must name this host',
      last.error,
    );
  }
  const tried = await Promise.all(
    failed.map(async ({ address, error }) => `${describeAddress(address)} (${await reason(address, error)})`),
  );
  const waited = waitedSeconds > 0 ? ` after ${String(waitedSeconds)} s` : '';
  return unreachable(`no daemon${waited}: ${tried.join(', ')}`, runnerCure, last.error);
}

async function reason(address: EngineAddress, error: unknown): Promise<string> {
  if (address.kind === 'unix' && (await isDirectory(address.socketPath))) {
    return 'a folder in place of a socket: the runner mounts a path that does not exist on its host';
  }
  switch (errorCode(error)) {
    case 'ENOENT':
      return 'no such socket';
    case 'ECONNREFUSED':
      return address.kind === 'unix' ? 'a socket file without a listener' : 'connection refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'unknown host';
    case undefined:
      return errorText(error);
    default:
      return errorCode(error) ?? '';
  }
}

/** Whatever is no code of the system (ECONNREFUSED, ETIMEDOUT, ...) comes from the TLS layer. */
function isTlsCode(code: string | undefined): boolean {
  return code !== undefined && (code === 'EPROTO' || !/^E[A-Z0-9_]+$/.test(code) || code.startsWith('ERR_'));
}

/** OpenSSL's own errors come with its file names and line breaks; their `reason` is what people can use. */
function tlsText(error: unknown): string {
  const reason = error instanceof Error && 'reason' in error ? error.reason : undefined;
  return typeof reason === 'string' && reason !== '' ? reason : errorText(error);
}

async function permissionDenied(address: EngineAddress, where: string, cause: unknown): Promise<PluginError> {
  const ours = await ownIds();
  const theirs = address.kind === 'unix' ? await socketOwner(address.socketPath) : undefined;
  return unreachable(
    `permission denied on ${where}: this step runs as ${ours ?? 'an unknown user'}${theirs === undefined ? '' : `, the socket is ${theirs}`}`,
    "run the step as a user that may open the socket (`user: root`, or the socket's group)",
    cause,
    'daemon-permission',
  );
}

/** uid and gid of this process as the kernel shows them: also right for an id without a name in /etc/passwd. */
async function ownIds(): Promise<string | undefined> {
  try {
    const { uid, gid } = await stat('/proc/self');
    return `uid ${String(uid)}, gid ${String(gid)}`;
  } catch {
    return undefined;
  }
}

async function socketOwner(path: string): Promise<string | undefined> {
  try {
    const { uid, gid, mode } = await lstat(path);
    return `${String(uid)}:${String(gid)} with mode ${(mode & 0o7777).toString(8).padStart(4, '0')}`;
  } catch {
    return undefined;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

function notHttp(where: string, cause: unknown): PluginError {
  return new PluginError({
    code: 'not-a-daemon',
    exitCode: 5,
    message: `${where} answers, but not in HTTP`,
    hint: 'check `docker_host` / DOCKER_HOST; a TLS port needs DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH',
    cause,
  });
}

function unreachable(message: string, hint: string, cause: unknown, code = 'daemon-unreachable'): PluginError {
  return new PluginError({ code, exitCode: 5, message, hint, cause });
}
