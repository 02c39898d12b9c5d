// Asks the daemon's BuildKit what it can do, before any work. Abilities come from the worker's labels, never from versions.
import { ControlClient } from '../buildkit/control-client.ts';
import type { Dial } from '../buildkit/dial.ts';
import type { Engine } from '../engine/connect.ts';
import { detectImageStore, hostGatewayAddress, limitsRun } from '../buildkit/workers.ts';
import type { Builder } from './build-image.ts';
import { isDaemonLost } from './repeat-build.ts';

/** A daemon that restarts is lost once; the same question is harmless as often as it is asked. */
const maxTries = 3;

/** Throws PluginError (exit 5) when the daemon's BuildKit does not answer. */
export async function findBuilder(engine: Pick<Engine, 'dial' | 'untilBack'>, signal: AbortSignal): Promise<Builder> {
  for (let number = 1; ; number++) {
    try {
      return await askForBuilder(engine.dial, signal);
    } catch (error) {
      if (number === maxTries || !isDaemonLost(error)) throw error;
    }
    await engine.untilBack(signal);
  }
}

async function askForBuilder(dial: Dial, signal: AbortSignal): Promise<Builder> {
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
