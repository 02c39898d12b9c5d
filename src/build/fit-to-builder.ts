// What a daemon can do of an order. What it would ignore silently, or refuse after minutes of work, is found here before
// any work: the reason is its kind of image store or its age, both read from the worker's labels, never from a version.
import { PluginError } from '../base/plugin-error.ts';
import type { Builder, BuildOrder } from './build-image.ts';

/** An order that the daemon can carry out. */
export interface FittedOrder {
  readonly order: BuildOrder;
  /** What was left out, and why. */
  readonly warnings: readonly string[];
}

/** How a daemon gets the containerd image store. */
export const containerdStoreHint =
  'enable the containerd image store in the daemon.json of the runner ("features": {"containerd-snapshotter": true})';

/** Throws PluginError (exit 2) when leaving something out would build something else. */
export function fitToBuilder(order: BuildOrder, builder: Builder): FittedOrder {
  checkPlatforms(order, builder);
  checkSandbox(order, builder);
  checkHosts(order, builder);
  return { order, warnings: [...fileTimesWarnings(order, builder)] };
}

/** Something that was asked for and that this daemon has not got. */
function cannot(message: string, hint: string): PluginError {
  return new PluginError({ code: 'daemon-cannot', exitCode: 2, message, hint });
}

/** The daemon makes the layers, and its exporter ignores the wish: everything else that makes a build reproducible holds. */
function fileTimesWarnings({ exporterAttrs }: BuildOrder, { imageStore }: Builder): readonly string[] {
  if (imageStore === 'containerd' || !('rewrite-timestamp' in exporterAttrs)) return [];
  return [
    `settings.reproducible: times of files stay as they are, because this daemon's graph-driver image store keeps them; ${containerdStoreHint}`,
  ];
}

function checkPlatforms({ platforms }: BuildOrder, { imageStore }: Builder): void {
  if (platforms.length < 2 || imageStore === 'containerd') return;
  throw new PluginError({
    code: 'store-cannot',
    exitCode: 2,
    message: `settings.platform: ${platforms.join(', ')} makes an image index, which this daemon's graph-driver image store cannot hold`,
    hint: `build one platform, or ${containerdStoreHint}`,
  });
}

function checkSandbox({ sandbox }: BuildOrder, { limitsRun }: Builder): void {
  if (limitsRun) return;
  const asked = [
    ...(sandbox.shmSizeBytes === undefined ? [] : ['shm_size']),
    ...(sandbox.limits.length === 0 ? [] : ['ulimit']),
    ...(sandbox.controlGroup === undefined ? [] : ['cgroup_parent']),
  ];
  if (asked.length === 0) return;
  throw cannot(
    `settings.${asked.join(', ')}: the BuildKit of this daemon is too old for that and would ignore it`,
    'leave it out, or update Docker on the runner (23.0 and later can)',
  );
}

function checkHosts({ addHosts }: BuildOrder, { hostGatewayAddress }: Builder): void {
  const host = addHosts.find(({ address }) => address === 'host-gateway')?.host;
  if (host === undefined || hostGatewayAddress !== undefined) return;
  throw cannot(
    `settings.add_host: this daemon does not tell which address host-gateway stands for (${host})`,
    'write the address itself, such as 172.17.0.1',
  );
}
