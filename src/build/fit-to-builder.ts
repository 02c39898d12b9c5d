// What a daemon can do of an order. What it would ignore silently, or refuse after minutes of work, is found here before
// any work: the reason is its kind of image store or its age, both read from the worker's labels, never from a version.
import { PluginError } from '../base/plugin-error.ts';
import type { Builder, BuildOrder } from './build-image.ts';
import { fitAnnotations } from './fit-annotations.ts';
import { fitCaches } from './fit-caches.ts';
import { containerdStoreHint } from './image-store.ts';

/** An order that the daemon can carry out. */
export interface FittedOrder {
  readonly order: BuildOrder;
  /** What was left out, and why. */
  readonly warnings: readonly string[];
}

/** Throws PluginError (exit 2) when leaving something out would build something else. */
export function fitToBuilder(order: BuildOrder, builder: Builder): FittedOrder {
  checkPlatforms(order, builder);
  checkSandbox(order, builder);
  checkHosts(order, builder);
  const { warnings: cacheWarnings, ...caches } = fitCaches(order, builder);
  const { warnings, ...attestations } = fitAttestations(order, builder);
  const fitted = { ...order, ...caches, ...attestations };
  const exporterAttrs = { ...order.exporterAttrs, ...fitAnnotations(fitted, builder) };
  return {
    order: { ...fitted, exporterAttrs },
    warnings: [...fileTimesWarnings(order, builder), ...cacheWarnings, ...warnings],
  };
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

/** They live in an image index. */
function fitAttestations(
  { attestations }: BuildOrder,
  { imageStore }: Builder,
): { readonly attestations: BuildOrder['attestations']; readonly warnings: readonly string[] } {
  if (imageStore === 'containerd' || attestations.length === 0) return { attestations, warnings: [] };
  const types = attestations.map(({ type }) => type).join(', ');
  const reason = "this daemon's graph-driver image store cannot hold attestations";
  if (attestations.some(({ required }) => required)) {
    throw cannot(`settings.${types}: ${reason}`, `leave it out, or ${containerdStoreHint}`);
  }
  return { attestations: [], warnings: [`settings.${types}: ${reason}; left out. To have it, ${containerdStoreHint}`] };
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
