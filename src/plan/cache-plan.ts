// Which caches a build reads and writes beside the daemon's own, from the settings.
import { parseReference } from '../base/reference.ts';
import type { Settings } from '../settings/settings.ts';
import { placeRepository, unnamedRegistry } from './variant.ts';

/** A cache in BuildKit's words. */
export interface CachePlan {
  readonly type: string;
  readonly attrs: Readonly<Record<string, string>>;
}

/** What a build reads and writes. */
export interface CachesPlan {
  readonly cacheFrom: readonly CachePlan[];
  readonly cacheTo: readonly CachePlan[];
  /** What was left out, and why. */
  readonly warnings: readonly string[];
}

/** What tells Docker that a cache is no image; the tag of kaniko's cache repository. */
const cacheTag = 'buildcache';

/** The caches, by the settings. @param publishes a run that publishes nothing writes to no registry */
export function cachesPlan(settings: Settings, insecureHosts: ReadonlySet<string>, publishes: boolean): CachesPlan {
  const { values, caches } = settings;
  const warnings: string[] = [];
  const images = [...(values.cache_images ?? []), ...kanikoCache(settings, warnings)];
  const reach = (cache: CachePlan) => withTrust(cache, insecureHosts);
  const exported = [...caches.to, ...images.map(exportTo)];
  const kept = exported.filter(({ type }) => publishes || type === 'local' || type === 'inline');
  if (kept.length < exported.length) {
    warnings.push('settings.cache_to: a build that is not published writes to no cache outside; left out');
  }
  return {
    cacheFrom: distinct([...caches.from, ...images.map(importFrom)].map(reach)),
    cacheTo: distinct(kept.map(reach).map(withErrorsIgnored)),
    warnings,
  };
}

/** Kaniko's `enable_cache` and `cache_repo`; without a repository the daemon's own cache is meant, which is always on. */
function kanikoCache(settings: Settings, warnings: string[]): readonly string[] {
  const { enable_cache: isOn, cache_repo: repository } = settings.values;
  if (!isOn || repository === undefined) return [];
  const { domain, path } = placeRepository(settings, repository);
  if (domain !== unnamedRegistry) return [`${domain}/${path}:${cacheTag}`];
  warnings.push('settings.cache_repo: not used, because registry does not say where it is');
  return [];
}

function importFrom(ref: string): CachePlan {
  return { type: 'registry', attrs: { ref } };
}

/** As an image manifest, which every registry takes. */
function exportTo(ref: string): CachePlan {
  return { type: 'registry', attrs: { ref, mode: 'max', 'image-manifest': 'true', 'oci-mediatypes': 'true' } };
}

/** A cache that cannot be written is no reason to fail a build that is otherwise done. Inline is part of the image. */
function withErrorsIgnored(cache: CachePlan): CachePlan {
  return cache.type === 'inline' ? cache : { ...cache, attrs: { 'ignore-error': 'true', ...cache.attrs } };
}

function withTrust(cache: CachePlan, insecureHosts: ReadonlySet<string>): CachePlan {
  const { ref } = cache.attrs;
  if (cache.type !== 'registry' || ref === undefined || !insecureHosts.has(parseReference(ref).domain)) return cache;
  return { ...cache, attrs: { 'registry.insecure': 'true', ...cache.attrs } };
}

function distinct(caches: readonly CachePlan[]): readonly CachePlan[] {
  return [...new Map(caches.map((cache) => [JSON.stringify(cache), cache])).values()];
}
