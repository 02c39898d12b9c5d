// The readers of caches: where BuildKit may find results of earlier builds, and where it leaves those of this one. A text
// without "=" is an image in a registry. What the builder offers of them is found out when it is asked (build/).
import { readReference, repository, type WrittenRepository } from './destination-kinds.ts';
import { parseBool } from './kinds.ts';
import type { Item } from './list-kinds.ts';
import { andThen, atItem, bad, gather, good, quote, type Kind, type ReadContext, type Reading } from './reading.ts';
import { readSpecs, type Spec } from './spec-kinds.ts';

/** A cache: its kind and, by the names of BuildKit, where and how. */
export interface CacheSpec {
  readonly type: string;
  readonly attrs: Readonly<Record<string, string>>;
}

type Direction = 'from' | 'to';

/** What BuildKit and the tools on top of it have; `inline` can only be written. */
const cacheTypes = ['registry', 'local', 'inline', 'gha', 's3', 'azblob', 'azure', 'gcs'];
/** Fields whose values open something. */
const secretField = /token|secret|password|key/i;
/** Stands for a secret that another setting holds; see read-caches.ts. */
export const placeholder = /^harness_placeholder_\w+$/;

/** Caches to read. */
export const cacheSources: Kind<readonly CacheSpec[]> = cacheList('list of cache sources', 'from');

/** Caches to write. */
export const cacheTargets: Kind<readonly CacheSpec[]> = cacheList('list of caches', 'to');

/** An image that holds a cache, as it was written. */
export const cacheImage: Item<string> = {
  name: 'images',
  read: (text) => andThen(readReference(text), () => good(text)),
};

/** One repository. */
export const cacheRepository: Kind<WrittenRepository> = {
  name: 'repository',
  read: (text, context) => repository.read(text.trim(), context),
};

function cacheList(name: string, direction: Direction): Kind<readonly CacheSpec[]> {
  return {
    name,
    repeatable: true,
    read: (text, context) =>
      andThen(readSpecs(text), (specs) =>
        gather(
          specs.map((spec, index) => {
            const reading = readCache(spec, direction, context);
            return specs.length === 1 ? reading : atItem(reading, index + 1);
          }),
        ),
      ),
  };
}

function readCache(spec: Spec, direction: Direction, context: ReadContext): Reading<CacheSpec> {
  const type = spec.bare === undefined ? spec.fields.get('type')?.toLowerCase() : 'registry';
  const attrs = Object.fromEntries([...spec.fields].filter(([key]) => key !== 'type'));
  for (const [key, value] of Object.entries(attrs)) {
    if (secretField.test(key) && !placeholder.test(value)) context.redact(value);
  }
  if (type === undefined) return bad('it has no type', 'must be an image reference, or written type=registry,ref=…');
  if (!cacheTypes.includes(type) || (type === 'inline' && direction === 'from')) {
    const right = type === 'inline' ? 'type=registry,ref=… with the name of the image that holds it' : 'type=registry';
    return bad(`type ${quote(type)} is not known here`, `must be ${right}`);
  }
  if (type === 'registry') {
    const ref = spec.bare ?? attrs['ref'] ?? '';
    return andThen(readReference(ref), () => checked({ type, attrs: { ...attrs, ref } }, direction));
  }
  const place = direction === 'from' ? 'src' : 'dest';
  if (type === 'local' && (attrs[place] ?? '') === '') return bad(`type=local has no ${place}`, `must name a folder`);
  return checked({ type, attrs }, direction);
}

function checked(cache: CacheSpec, direction: Direction): Reading<CacheSpec> {
  if (direction === 'from') return good(cache);
  const { mode = 'min', 'ignore-error': ignoreError } = cache.attrs;
  if (mode !== 'min' && mode !== 'max') return bad(`mode ${quote(mode)} is not known`, 'must be mode=min or mode=max');
  if (ignoreError === undefined) return good(cache);
  const ignores = parseBool(ignoreError);
  if (ignores === undefined) return bad(`ignore-error ${quote(ignoreError)} is not a boolean`, 'must be true or false');
  return good({ ...cache, attrs: { ...cache.attrs, 'ignore-error': String(ignores) } });
}
