// What cannot be written with the daemon that the step has: known once its image store is, and said before any work.
import { PluginError } from '../base/plugin-error.ts';
import type { OutputOrder } from './output.ts';

const storeHint =
  'enable the containerd image store in the daemon.json of the runner ("features": {"containerd-snapshotter": true})';

/** Throws PluginError (exit 2). */
export function checkOutputs(
  orders: readonly OutputOrder[],
  build: { readonly attestations: readonly unknown[] },
  { imageStore }: { readonly imageStore: 'containerd' | 'graphdriver' },
): void {
  for (const order of orders) {
    const [attr] = Object.keys(order.attrs);
    if (imageStore === 'containerd') {
      if (order.type === 'docker' && build.attestations.length > 0) {
        throw cannot(order, 'an archive of type docker holds no attestations', 'write an archive of type oci');
      }
    } else if ((order.type === 'oci' || order.type === 'docker') && attr !== undefined) {
      const reason = `${attr} has no effect: this daemon's graph-driver image store hands layers out as they are`;
      throw cannot(order, reason, `leave it out, or ${storeHint}`);
    }
  }
}

function cannot({ setting, display }: OutputOrder, reason: string, hint: string): PluginError {
  return new PluginError({
    code: 'store-cannot',
    exitCode: 2,
    message: `settings.${setting}: ${display}: ${reason}`,
    hint,
  });
}
