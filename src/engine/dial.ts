// Opens the two BuildKit endpoints of a Docker Engine by HTTP upgrade ("hijack"). From API 1.53 on these endpoints are
// deprecated in favour of plain HTTP/2 on the main listener; an engine that has dropped them is told apart here, and a
// second way of dialling belongs into this file. docs: https://docs.docker.com/reference/api/engine/version-history/
import type { Dial } from '../buildkit/dial.ts';
import { PluginError } from '../base/plugin-error.ts';
import { EngineApiError, errorMessageOf, wordFailure } from './docker-api.ts';
import type { EngineTransport } from './transport.ts';

const answerLimitMs = 30_000;
/** From here on an engine may answer these paths with "gone" and offer direct HTTP/2 instead. */
const firstDirectApi = { major: 1, minor: 53 };
const goneStatuses: ReadonlySet<number> = new Set([404, 410, 501]);

/** A Dial for an engine. `apiVersion` is the engine's own highest one. */
export function createDial(transport: EngineTransport, versionPrefix: string, apiVersion: string): Dial {
  return async (endpoint, headers, signal) => {
    const call = `POST ${endpoint}`;
    let outcome;
    try {
      outcome = await transport.upgrade(
        {
          method: 'POST',
          path: versionPrefix + endpoint,
          headers: { Connection: 'Upgrade', Upgrade: 'h2c', ...groupByName(headers) },
          answerLimitMs,
        },
        signal,
      );
    } catch (error) {
      throw wordFailure(call, error, signal);
    }
    if (outcome.kind === 'upgraded') return outcome.socket;
    const { response } = outcome;
    const status = response.statusCode ?? 0;
    const said = await errorMessageOf(response).catch(() => `status ${String(status)}`);
    response.destroy();
    throw goneStatuses.has(status)
      ? endpointGone(endpoint, status, apiVersion)
      : new EngineApiError({ call, status, said });
  };
}

/** Compares API versions ("1.41"); negative when `a` is the older one. */
export function compareApiVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor === bMajor ? aMinor - bMinor : aMajor - bMajor;
}

function endpointGone(endpoint: string, status: number, apiVersion: string): PluginError {
  const direct = compareApiVersions(apiVersion, `${String(firstDirectApi.major)}.${String(firstDirectApi.minor)}`) >= 0;
  return new PluginError({
    code: direct ? 'daemon-needs-direct-http2' : 'daemon-without-buildkit',
    exitCode: 5,
    message: `daemon, POST ${endpoint}: status ${String(status)}; ${
      direct
        ? `this engine (API ${apiVersion}) has dropped the HTTP upgrade that this version of the plugin uses to reach BuildKit`
        : `no BuildKit behind this API (${apiVersion})`
    }`,
    hint: direct
      ? 'use a newer docker-build, or an engine below API 1.53'
      : 'use a Docker Engine 18.09 or newer with BuildKit; a socket proxy must let /grpc and /session through',
  });
}

function groupByName(
  headers: ReadonlyArray<readonly [name: string, value: string]>,
): Record<string, readonly string[]> {
  const grouped = new Map<string, string[]>();
  for (const [name, value] of headers) grouped.set(name, [...(grouped.get(name) ?? []), value]);
  return Object.fromEntries(grouped);
}
