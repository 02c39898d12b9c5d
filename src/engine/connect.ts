// Finds the Docker Engine that the runner offers and proves that it can build: address, TLS, waiting for a daemon that
// is still starting, then /_ping and /version. Whatever fails says which of the runner's settings would cure it.
import { setTimeout as delay } from 'node:timers/promises';
import type Dockerode from 'dockerode';
import type { Dial } from '../buildkit/dial.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { errorCode, errorText } from './error-code.ts';
import { describeAddress, type EngineAddress, parseDockerHost } from './address.ts';
import { describeUnreachable, isNotThereYet } from './unreachable.ts';
import { createDial } from './dial.ts';
import { openDockerApi, readBody } from './docker-api.ts';
import { judgeApiVersion, judgePing, notADaemon, readEngineVersion, type EngineVersion } from './requirements.ts';
import { readEngineTls } from './tls.ts';
import { AnswerLimitError, createTransport, type EngineTransport } from './transport.ts';

/** A systemd-activated engine accepts before it runs; half a minute covers its start. */
const defaultAnswerLimitMs = 30_000;
/** A daemon that restarts is back after about a second. */
const pollIntervalMs = 250;
const maxAnswerBytes = 1024 * 1024;
/** A daemon that restarts is lost once. */
const maxVersionTries = 3;

export interface EngineOptions {
  /** unix://, tcp://, http(s)://; undefined = the socket candidates in order. */
  readonly host?: string | undefined;
  /** Check the daemon's certificate (https:// always does). */
  readonly tlsVerify: boolean;
  /** Folder with ca.pem, cert.pem and key.pem; it also turns TLS on for tcp://. */
  readonly certPath?: string | undefined;
  /** The same as PEM texts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  /** Ask in this API version in place of the engine's own. */
  readonly apiVersion?: string | undefined;
  /** How long to wait for a daemon that is not there yet; 0 = one try. */
  readonly waitSeconds: number;
  /** Paths of sockets to try when no host is given. */
  readonly socketCandidates: readonly string[];
  readonly log: Log;
  /** How long a connected daemon may take to answer; 30 s unless told. */
  readonly answerLimitMs?: number;
}

/** A Docker Engine that answered and can build. Nothing in it stays open between calls. */
export interface Engine {
  readonly docker: Dockerode;
  readonly dial: Dial;
  /** For calls whose answer is a stream. */
  readonly transport: EngineTransport;
  /** `/v1.41` when an API version was asked for, else empty. */
  readonly versionPrefix: string;
  /** As shown to people: unix:///var/run/docker.sock. */
  readonly address: string;
  readonly version: string;
  readonly apiVersion: string;
  /** Waits for an engine that was lost, as long as for one that is not there yet. Throws PluginError exit 5. */
  untilBack(signal: AbortSignal): Promise<void>;
}

interface Candidate {
  readonly address: EngineAddress;
  readonly transport: EngineTransport;
}

/**
 * Connects to the engine. Throws PluginError: exit 2 for an address of no use (ssh://), exit 5 for everything that is
 * wrong with the daemon or the way to it; the abort reason when `signal` aborts.
 */
export async function connectEngine(options: EngineOptions, signal: AbortSignal): Promise<Engine> {
  const candidates = await listCandidates(options);
  const { found, engineVersion } = await firstKnown(candidates, options, signal);
  const { address, transport } = found;
  const shown = describeAddress(address);
  if (options.apiVersion !== undefined) {
    const problem = judgeApiVersion(options.apiVersion, engineVersion, shown);
    if (problem !== undefined) throw problem;
  }
  const versionPrefix = options.apiVersion === undefined ? '' : `/v${options.apiVersion}`;
  return {
    docker: await openDockerApi(transport, versionPrefix),
    dial: createDial(transport, versionPrefix, engineVersion.apiVersion),
    transport,
    versionPrefix,
    address: shown,
    version: engineVersion.version,
    apiVersion: engineVersion.apiVersion,
    untilBack: async (stop) => void (await firstAnswering([found], options, stop)),
  };
}

async function listCandidates(options: EngineOptions): Promise<readonly Candidate[]> {
  const { host, certPath, tls: texts, tlsVerify } = options;
  const wantsTls = tlsVerify || certPath !== undefined || texts !== undefined;
  const addresses: readonly EngineAddress[] =
    host === undefined
      ? options.socketCandidates.map((socketPath) => ({ kind: 'unix', socketPath }))
      : [parseDockerHost(host, wantsTls)];
  const usesTls = addresses.some((address) => address.kind === 'tcp' && address.tls);
  const verify = tlsVerify || host?.toLowerCase().startsWith('https://') === true;
  const tls = usesTls ? await readEngineTls({ certPath, texts, verify }) : { verify };
  if (usesTls && !verify)
    options.log.warn('the certificate of the daemon is not checked (DOCKER_TLS_VERIFY is not set)');
  return addresses.map((address) => ({ address, transport: createTransport(address, tls) }));
}

/** The first that answers, and what it says it is; asked again when it is lost between the two. */
async function firstKnown(
  candidates: readonly Candidate[],
  options: EngineOptions,
  signal: AbortSignal,
): Promise<{ readonly found: Candidate; readonly engineVersion: EngineVersion }> {
  for (let number = 1; ; number++) {
    const found = await firstAnswering(candidates, options, signal);
    try {
      return { found, engineVersion: await readVersion(found, options, signal) };
    } catch (error) {
      const cause = error instanceof PluginError ? error.cause : undefined;
      if (number === maxVersionTries || !(await isNotThereYet(found.address, cause))) throw error;
    }
  }
}

/** Tries the candidates in order, and all of them again until one answers or the wait is over. */
async function firstAnswering(
  candidates: readonly Candidate[],
  options: EngineOptions,
  signal: AbortSignal,
): Promise<Candidate> {
  const deadlineMs = performance.now() + options.waitSeconds * 1000;
  let announced = false;
  for (;;) {
    const failures: { address: EngineAddress; error: unknown }[] = [];
    for (const candidate of candidates) {
      const error = await tryPing(candidate, options, signal);
      if (error === undefined) return candidate;
      failures.push({ address: candidate.address, error });
      if (!(await isNotThereYet(candidate.address, error))) {
        throw await describeUnreachable([{ address: candidate.address, error }], 0);
      }
    }
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0) throw await describeUnreachable(failures, options.waitSeconds);
    if (!announced) {
      const where = candidates.map(({ address }) => describeAddress(address)).join(', ');
      options.log.info(`no daemon at ${where} yet; waiting up to ${String(options.waitSeconds)} s`);
      announced = true;
    }
    await delay(Math.min(pollIntervalMs, leftMs), undefined, { signal });
  }
}

/** undefined = a daemon that will do; else what came instead (a worded PluginError, or the error of the connection). */
async function tryPing(candidate: Candidate, options: EngineOptions, signal: AbortSignal): Promise<unknown> {
  const answerLimitMs = options.answerLimitMs ?? defaultAnswerLimitMs;
  try {
    const response = await candidate.transport.send({ method: 'GET', path: '/_ping', answerLimitMs }, signal);
    response.destroy();
    return judgePing(
      { status: response.statusCode ?? 0, headers: response.headers },
      describeAddress(candidate.address),
    );
  } catch (error) {
    signal.throwIfAborted();
    return error;
  }
}

async function readVersion(
  { address, transport }: Candidate,
  options: EngineOptions,
  signal: AbortSignal,
): Promise<EngineVersion> {
  const answerLimitMs = options.answerLimitMs ?? defaultAnswerLimitMs;
  let status = 0;
  let version: EngineVersion | undefined;
  try {
    const response = await transport.send({ method: 'GET', path: '/version', answerLimitMs }, signal);
    status = response.statusCode ?? 0;
    const json: unknown = JSON.parse((await readBody(response, maxAnswerBytes)).toString('utf8'));
    version = readEngineVersion(json);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AnswerLimitError || errorCode(error) !== undefined) {
      throw await describeUnreachable([{ address, error }], 0);
    }
    throw notADaemon(describeAddress(address), `GET /version: ${errorText(error)}`, error);
  }
  if (version === undefined) throw notADaemon(describeAddress(address), `GET /version: status ${String(status)}`);
  return version;
}
