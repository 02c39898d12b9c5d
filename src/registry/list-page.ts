// A page of a list that a registry keeps: tags, referrers. A list that cannot be read is not an empty one: what is decided by what
// is missing from it would be decided wrongly. OCI distribution-spec 1.1, "Listing Tags", "Listing Referrers".
import { parseJson } from '../base/json-fields.ts';
import type { Place } from './place.ts';
import { RegistryError } from './registry-error.ts';
import { readBody, type WireResponse } from './wire.ts';

const maxPageBytes = 4 * 1024 * 1024;

/** The JSON of a page; undefined for what is none. Throws RegistryError `bad-list` for a page that is too large to be read. */
export async function readList(
  place: Place,
  response: WireResponse,
  what: string,
  signal: AbortSignal,
): Promise<unknown> {
  const bytes = await readBody(response, maxPageBytes + 1, signal);
  if (bytes.length > maxPageBytes) throw badList(place, what, 'a page of it has more than 4 MiB');
  return parseJson(bytes.toString('utf8'));
}

/** The error for a list that cannot be read to its end. */
export function badList({ party }: Place, what: string, reason: string): RegistryError {
  return new RegistryError({
    ...party,
    code: 'bad-list',
    exitCode: 4,
    message: `${what}: the list that ${party.host} gave cannot be used: ${reason}`,
    hint: 'the registry is out of order, or a proxy answers in its place',
  });
}
