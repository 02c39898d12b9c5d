// Reads the Link header of lists that come in pages. Registries write it in several ways: absolute or not, with or without
// brackets, beside other links. RFC 8288; OCI distribution-spec 1.1, "Listing Tags" and "Listing Referrers".

/**
 * The query of the next page. Host and path are not taken from the registry: they are those of the list that is being read,
 * so a page never leads anywhere else.
 *
 * @param values of the header, one for each time it was sent
 * @returns undefined on the last page
 */
export function nextPageQuery(values: readonly string[]): string | undefined {
  for (const link of values.flatMap((value) => value.split(/,(?=\s*<)/))) {
    const match = /^\s*<?([^>;]*)>?\s*;.*\brel="?next\b/i.exec(link);
    const query = match?.[1]?.trim().split('?')[1];
    if (query !== undefined && query !== '') return query;
  }
  return undefined;
}
