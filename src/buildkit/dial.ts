// How the BuildKit client reaches a daemon, without knowing what a daemon is: something that opens one of the two
// HTTP/2 endpoints as a byte stream. engine/dial.ts makes one from a Docker Engine.
import type { Duplex } from 'node:stream';

/** `/grpc`: we are the HTTP/2 client. `/session`: we are the HTTP/2 server. */
export type Endpoint = '/grpc' | '/session';

/** Opens an endpoint. Headers may repeat. Rejects with a PluginError that names the daemon. */
export type Dial = (
  endpoint: Endpoint,
  headers: ReadonlyArray<readonly [name: string, value: string]>,
  signal: AbortSignal,
) => Promise<Duplex>;
