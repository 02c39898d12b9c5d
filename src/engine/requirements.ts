// What an engine must be before anything is asked of it: a Docker Engine, Linux, new enough for BuildKit, BuildKit not
// switched off, and its API window meeting ours. Pure: it judges the answers of /_ping and /version.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/System/operation/SystemPing
import type { IncomingHttpHeaders } from 'node:http';
import { PluginError } from '../base/plugin-error.ts';
import { compareApiVersions } from './dial.ts';

/** BuildKit can be driven from outside since Docker 18.09. */
const oldestApi = '1.39';

export interface PingAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

export interface EngineVersion {
  readonly version: string;
  /** The newest API that the engine speaks. */
  readonly apiVersion: string;
  readonly minApiVersion: string;
}

/** Why a ping answer rules the engine out; undefined when it does not. */
export function judgePing(ping: PingAnswer, address: string): PluginError | undefined {
  const apiVersion = ping.headers['api-version'];
  if (ping.status !== 200 || typeof apiVersion !== 'string' || !isApiVersion(apiVersion)) {
    const server = ping.headers['server'];
    return notADaemon(
      address,
      `status ${String(ping.status)}${server === undefined ? '' : `, server ${String(server)}`}`,
    );
  }
  if (ping.headers['libpod-api-version'] !== undefined) {
    return new PluginError({
      code: 'daemon-without-buildkit',
      exitCode: 5,
      message: `${address} is Podman, whose Docker-compatible API has no BuildKit`,
      hint: 'point `docker_host` at a Docker Engine',
    });
  }
  if (compareApiVersions(apiVersion, oldestApi) < 0) return tooOld(address, apiVersion);
  if (ping.headers['ostype'] === 'windows') {
    return new PluginError({
      code: 'daemon-without-buildkit',
      exitCode: 5,
      message: `the daemon at ${address} runs Windows containers, for which Docker has no BuildKit`,
      hint: 'point `docker_host` at a Linux engine',
    });
  }
  if (ping.headers['builder-version'] === '1') {
    return new PluginError({
      code: 'daemon-without-buildkit',
      exitCode: 5,
      message: `the daemon at ${address} has BuildKit switched off (Builder-Version: 1)`,
      hint: 'remove "features": {"buildkit": false} from its daemon.json',
    });
  }
  return undefined;
}

/** Reads the answer of /version; undefined when it is not one. */
export function readEngineVersion(json: unknown): EngineVersion | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const version = 'Version' in json && typeof json.Version === 'string' ? json.Version : undefined;
  const apiVersion = 'ApiVersion' in json && typeof json.ApiVersion === 'string' ? json.ApiVersion : undefined;
  const minApiVersion = 'MinAPIVersion' in json && typeof json.MinAPIVersion === 'string' ? json.MinAPIVersion : '1.12';
  if (version === undefined || apiVersion === undefined || !isApiVersion(apiVersion)) return undefined;
  return { version, apiVersion, minApiVersion };
}

/** Why an API version that was asked for cannot be used with this engine; undefined when it can. */
export function judgeApiVersion(wanted: string, engine: EngineVersion, address: string): PluginError | undefined {
  if (!isApiVersion(wanted)) {
    return new PluginError({
      code: 'api-version',
      exitCode: 2,
      message: `the API version "${wanted}" is not of the form 1.41`,
      hint: 'correct or remove DOCKER_API_VERSION',
    });
  }
  if (compareApiVersions(wanted, oldestApi) < 0) return tooOld(address, wanted);
  const meets =
    compareApiVersions(wanted, engine.minApiVersion) >= 0 && compareApiVersions(wanted, engine.apiVersion) <= 0;
  if (meets) return undefined;
  return new PluginError({
    code: 'api-version',
    exitCode: 5,
    message: `the daemon at ${address} speaks API ${engine.minApiVersion} to ${engine.apiVersion}, and ${wanted} was asked for`,
    hint: 'remove DOCKER_API_VERSION, or set it within that range',
  });
}

/** The error for whatever answers but is no Docker Engine. */
export function notADaemon(address: string, answered: string, cause?: unknown): PluginError {
  return new PluginError({
    code: 'not-a-daemon',
    exitCode: 5,
    message: `${address} is not a Docker Engine API (it answered ${answered})`,
    hint: 'check `docker_host` / DOCKER_HOST and the runner volume; a TLS port needs DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH',
    cause,
  });
}

function tooOld(address: string, apiVersion: string): PluginError {
  return new PluginError({
    code: 'daemon-too-old',
    exitCode: 5,
    message: `API ${apiVersion} of the daemon at ${address} is too old: BuildKit needs ${oldestApi} (Docker 18.09) or newer`,
    hint: 'upgrade the Docker Engine that the runner offers, or remove DOCKER_API_VERSION',
  });
}

function isApiVersion(text: string): boolean {
  return /^\d+\.\d+$/.test(text);
}
