// Lists the tags of a repository. Pages are followed by their Link header (RFC 8288), which registries write in several
// ways. OCI distribution-spec 1.1, "Listing tags" (end-8a, end-8b).
import { fieldOf } from '../base/json-fields.ts';
import { unexpected } from './answer.ts';
import { badList, readList } from './list-page.ts';
import { nextPageQuery } from './link.ts';
import type { Place } from './place.ts';
import { discard, headersOf } from './wire.ts';

/** ECR takes no larger page. */
const firstPage = 'tags/list?n=1000';
/** A million tags are a registry that repeats itself. */
const maxPages = 1000;

/** All tags; none when the repository does not exist. Throws RegistryError, also for a list that cannot be read to its end. */
export async function listTags(place: Place, signal: AbortSignal): Promise<readonly string[]> {
  const tags = new Set<string>();
  let page: string | undefined = firstPage;
  for (let count = 0; page !== undefined && count < maxPages; count += 1) {
    const { found, next } = await readPage(place, page, signal);
    const sizeBefore = tags.size;
    for (const tag of found) tags.add(tag);
    // A page of nothing new is the last one again.
    page = tags.size === sizeBefore ? undefined : next;
  }
  if (page !== undefined) throw badList(place, whatOf(place), `it has more than ${maxPages} pages`);
  return [...tags];
}

/**
 * Whether the registry says that there is no such repository: then it has no tag and no blob of it. An empty one, one that this
 * login may not see, or an answer that says nothing are no such word.
 */
export async function isUnknownRepository(place: Place, signal: AbortSignal): Promise<boolean> {
  const what = `look for ${place.name}`;
  const headers = { accept: 'application/json' };
  return place.operate(
    'read',
    what,
    async () => {
      const request = { method: 'GET', to: 'tags/list?n=1', headers, redirects: 'own-origin', what } as const;
      const response = await place.send(request, signal);
      if (response.status === 404) return (await unexpected(response, signal)).answer.codes.includes('NAME_UNKNOWN');
      await discard(response, signal);
      return false;
    },
    signal,
  );
}

interface Page {
  readonly found: readonly string[];
  /** Below `/v2/<path>/`. */
  readonly next?: string;
}

async function readPage(place: Place, to: string, signal: AbortSignal): Promise<Page> {
  const what = whatOf(place);
  return place.operate(
    'read',
    what,
    async () => {
      const response = await place.send(
        { method: 'GET', to, headers: { accept: 'application/json' }, redirects: 'own-origin', what },
        signal,
      );
      if (response.status === 404 && to === firstPage) {
        await discard(response, signal);
        return { found: [] };
      }
      if (response.status !== 200) throw await unexpected(response, signal);
      const query = nextPageQuery(headersOf(response, 'link'));
      const list: unknown = fieldOf(await readList(place, response, what, signal), 'tags');
      // An empty list may be null. Anything else is no list: to take it for an empty one would move tags that must stay.
      if (list !== null && !Array.isArray(list)) throw badList(place, what, 'there are no tags in it');
      const found = list === null ? [] : list.filter((tag: unknown) => typeof tag === 'string');
      return query === undefined ? { found } : { found, next: `tags/list?${query}` };
    },
    signal,
  );
}

function whatOf(place: Place): string {
  return `list the tags of ${place.name}`;
}
