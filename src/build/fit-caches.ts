// Which caches a daemon can read and write. Its BuildKit is that of Moby, which has fewer kinds than a builder of one's own;
// with a graph driver it can only write into the image.
import { PluginError } from '../base/plugin-error.ts';
import type { Builder, BuildOrder } from './build-image.ts';
import { containerdStoreHint } from './image-store.ts';

type Cache = BuildOrder['cacheTo'][number];
type ImageStore = Builder['imageStore'];

const imported: Readonly<Record<ImageStore, readonly string[]>> = {
  graphdriver: ['registry', 'local'],
  containerd: ['registry', 'local', 'gha'],
};
const exported: Readonly<Record<ImageStore, readonly string[]>> = {
  graphdriver: ['inline'],
  containerd: ['inline', 'registry', 'local', 'gha'],
};

/** The caches that the daemon offers. Throws PluginError (exit 2) when one that must be written is not among them. */
export function fitCaches(
  { cacheFrom, cacheTo }: BuildOrder,
  { imageStore }: Builder,
): { readonly cacheFrom: readonly Cache[]; readonly cacheTo: readonly Cache[]; readonly warnings: readonly string[] } {
  const canRead = ({ type }: Cache) => imported[imageStore].includes(type);
  const canWrite = ({ type }: Cache) => exported[imageStore].includes(type);
  const required = cacheTo.find((cache) => !canWrite(cache) && cache.attrs['ignore-error'] === 'false');
  if (required !== undefined) {
    throw new PluginError({
      code: 'daemon-cannot',
      exitCode: 2,
      message: `settings.cache_to: ${notOffered(required, imageStore)}, and it says ignore-error=false`,
      hint: cure(required, imageStore),
    });
  }
  const unread = cacheFrom.filter((cache) => !canRead(cache));
  const unwritten = cacheTo.filter((cache) => !canWrite(cache));
  return {
    cacheFrom: cacheFrom.filter(canRead),
    cacheTo: cacheTo.filter(canWrite),
    warnings: [
      ...unread.map(({ type }) => `settings.cache_from: type=${type} is not offered by a Docker daemon; left out`),
      ...unwritten.map(
        (cache) =>
          `settings.cache_to: ${notOffered(cache, imageStore)}; left out. To write it, ${cure(cache, imageStore)}`,
      ),
    ].filter((warning, position, all) => all.indexOf(warning) === position),
  };
}

function notOffered(cache: Cache, imageStore: ImageStore): string {
  return isStoreMatter(cache, imageStore)
    ? `type=${cache.type} is not offered by this daemon with its graph-driver image store`
    : `type=${cache.type} is not offered by a Docker daemon`;
}

function cure(cache: Cache, imageStore: ImageStore): string {
  return isStoreMatter(cache, imageStore) ? containerdStoreHint : 'use type=registry or type=inline';
}

function isStoreMatter({ type }: Cache, imageStore: ImageStore): boolean {
  return imageStore === 'graphdriver' && exported.containerd.includes(type);
}
