// Asks the daemon's BuildKit what it can do, before any work. Abilities come from the worker's labels, never from versions.
import { ControlClient } from '../buildkit/control-client.ts';
import type { Dial } from '../buildkit/dial.ts';
import { detectImageStore, hostGatewayAddress, limitsRun } from '../buildkit/workers.ts';
import type { Builder } from './build-image.ts';

/** Throws PluginError (exit 5) when the daemon's BuildKit does not answer. */
export async function findBuilder(dial: Dial, signal: AbortSignal): Promise<Builder> {
  const control = await ControlClient.connect(dial, signal);
  try {
    const workers = await control.listWorkers(signal);
    return {
      dial,
      imageStore: detectImageStore(workers),
      platforms: workers.flatMap(({ platforms }) => platforms),
      hostGatewayAddress: hostGatewayAddress(workers),
      limitsRun: limitsRun(workers),
    };
  } finally {
    control.close();
  }
}
