// Chapter: whether this process can pack layers as the settings want them, asked before minutes of building.
import { PluginError } from '../base/plugin-error.ts';
import type { Plan } from '../plan/plan.ts';
import { canPack } from '../publish/compress-layer.ts';

/** Throws PluginError (exit 2). Call it where layers will be packed by this process, not by the daemon. */
export function checkPacking({ upload: { format } }: Plan): void {
  if (canPack(format.compression)) return;
  throw new PluginError({
    code: 'cannot-pack',
    exitCode: 2,
    message: `settings.compression: ${format.compression} layers of a graph-driver image store are packed by this plugin, and its Node cannot do that (22.15 can)`,
    hint: "use this plugin's own image, compression: gzip, or a daemon with the containerd image store",
  });
}
