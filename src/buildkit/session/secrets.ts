// Gives the build its secrets (`RUN --mount=type=secret`): exact bytes, from memory, only by the ids that it was given.
// moby/buildkit session/secrets
import { PluginError } from '../../base/plugin-error.ts';
import { Secrets } from '../gen/build_secrets_pb.js';
import { grpcCodes } from '../grpc.ts';
import { RpcError, type SessionCapability } from './capability.ts';
import { unaryMethod } from './unary.ts';

/** BuildKit's own convention (500 KiB); a larger file is a mistake, and the wire ends at 4 MiB. */
const maxSecretBytes = 512_000;

/** @param secrets id -> value. Throws PluginError (exit 2) when one is too large. */
export function secretsCapability(secrets: ReadonlyMap<string, Uint8Array>): SessionCapability {
  for (const [id, { length }] of secrets) {
    if (length <= maxSecretBytes) continue;
    throw new PluginError({
      code: 'secret-too-large',
      exitCode: 2,
      message: `build secret ${id}: ${String(length)} bytes; BuildKit takes at most ${String(maxSecretBytes)} (500 KiB)`,
    });
  }
  return {
    methods: new Map([
      unaryMethod(Secrets.method.getSecret, ({ ID }) => {
        const data = secrets.get(ID);
        // The daemon goes on without it unless the mount is required.
        if (data === undefined)
          return Promise.reject(new RpcError(grpcCodes.notFound, `no build secret ${ID} was given`));
        return Promise.resolve({ data });
      }),
    ]),
  };
}
