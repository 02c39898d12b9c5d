// Caches in folders of the step: the daemon reads and writes their blobs through the session, under names of ours instead of
// paths; which manifest a folder's tag means is read and written here.
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { ContentFolder } from '../buildkit/content-folder.ts';
import type { SessionCapability } from '../buildkit/session/capability.ts';
import { contentStoreCapability } from '../buildkit/session/content-store.ts';
import type { BuildOrder } from './build-image.ts';

type Cache = BuildOrder['cacheTo'][number];
type Caches = Pick<BuildOrder, 'cacheFrom' | 'cacheTo'>;

/** Local caches, ready for a build. */
export interface LocalCaches {
  /** All caches of the order; local ones as the daemon is to ask for them, those that are not there left out. */
  readonly caches: Caches;
  readonly capabilities: readonly SessionCapability[];
  /** Gives what the build has written its tags. Call it once the build is done. */
  finish(written: BuildOrder['cacheTo']): Promise<void>;
}

/** The tag that buildx takes as well. */
const usualTag = 'latest';

/** Opens the folders that exist. */
export async function openLocalCaches({ cacheFrom, cacheTo }: Caches, log: Log): Promise<LocalCaches> {
  const folders = new Map<string, ContentFolder>();
  const targets = new Map<string, { readonly folder: ContentFolder; readonly tag: string }>();
  const sources = await Promise.all(
    cacheFrom.map(async (cache, position): Promise<readonly Cache[]> => {
      if (cache.type !== 'local') return [cache];
      const { src = '', tag = usualTag, ...attrs } = cache.attrs;
      const folder = new ContentFolder(src);
      const digest = attrs['digest'] ?? (await folder.find(tag));
      if (digest === undefined) {
        log.info(`no cache yet in ${src}`);
        return [];
      }
      const name = `from-${position}`;
      folders.set(storeId(name), folder);
      return [{ type: cache.type, attrs: { ...attrs, src: name, digest } }];
    }),
  );
  const sinks = cacheTo.map((cache, position) => {
    if (cache.type !== 'local') return cache;
    const { dest = '', tag = usualTag, ...attrs } = cache.attrs;
    const name = `to-${position}`;
    const folder = new ContentFolder(dest);
    folders.set(storeId(name), folder);
    targets.set(name, { folder, tag });
    return { type: cache.type, attrs: { ...attrs, dest: name } };
  });
  return {
    caches: { cacheFrom: sources.flat(), cacheTo: sinks },
    capabilities: folders.size === 0 ? [] : [contentStoreCapability(folders)],
    async finish(written) {
      for (const { attrs } of written) {
        const target = targets.get(attrs['dest'] ?? '');
        if (target === undefined) continue;
        const isThere = await target.folder.tagLatest(target.tag).catch((cause: unknown) => {
          if (attrs['ignore-error'] === 'false') throw unwritten(target.folder, cause);
          return false;
        });
        if (!isThere)
          log.warn(`settings.cache_to: the cache in ${target.folder.path} was not written; see the build above`);
      }
    },
  };
}

function unwritten({ path }: ContentFolder, cause: unknown): PluginError {
  return new PluginError({
    code: 'cache-unwritten',
    exitCode: 1,
    message: `settings.cache_to: the index of the cache in ${path} could not be written: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause,
  });
}

/** As the daemon asks for the store of a local cache. */
function storeId(name: string): string {
  return `local:${name}`;
}
