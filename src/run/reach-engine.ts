// How chapters come to the daemon: the address and certificates of the plan, else one of the usual sockets.
import type { Log } from '../base/log.ts';
import type { Builder } from '../build/build-image.ts';
import { connectEngine, type Engine, type EngineOptions } from '../engine/connect.ts';
import { usualSockets } from '../engine/usual-sockets.ts';
import type { Plan } from '../plan/plan.ts';
import type { Tools } from './tools.ts';

/** Connects. Throws PluginError (exit 5) without a daemon. @param limits replace those of the plan */
export async function reachEngine(
  { daemon }: Plan,
  { world, log }: { readonly world: Tools['world']; readonly log: Log },
  signal: AbortSignal,
  limits: Pick<Partial<EngineOptions>, 'waitSeconds' | 'answerLimitMs'> = {},
): Promise<Engine> {
  const socketCandidates = usualSockets(world.env['XDG_RUNTIME_DIR']);
  return connectEngine({ ...daemon, ...limits, socketCandidates, log }, signal);
}

/** Says which daemon it is. */
export function describeEngine({ version, address }: Engine, { imageStore }: Pick<Builder, 'imageStore'>): string {
  return `connected to docker ${version} at ${address} (${imageStore} image store)`;
}
