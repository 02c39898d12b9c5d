// Takes a tag away again, and only the tag. Asked to delete, some registries drop every tag of the manifest and others know
// no such thing at all, so nothing is asked of a host that is not known to do what is meant. Never by digest.
// OCI distribution-spec 1.1, "Deleting tags" (end-9).
import { isDigest } from '../base/digest.ts';
import { unexpected } from './answer.ts';
import { factsOf } from './known-hosts.ts';
import type { Place } from './place.ts';
import { discard } from './wire.ts';

/** Whether a tag can be taken away there without taking more. */
export function canDeleteTags(place: Place): boolean {
  return factsOf(place.party.host).untagsByDelete === true;
}

/** Deletes a tag; one that is not there is fine. Throws RegistryError. */
export async function deleteTag(place: Place, tag: string, signal: AbortSignal): Promise<void> {
  if (!canDeleteTags(place) || isDigest(tag)) throw new Error(`${place.name}: ${tag} must not be deleted`);
  const what = `take the tag ${place.name}:${tag} away`;
  await place.operate(
    'manifest',
    what,
    async () => {
      const response = await place.send(
        { method: 'DELETE', to: `manifests/${tag}`, redirects: 'none', mayDelete: true, what },
        signal,
      );
      if (![200, 202, 204, 404].includes(response.status)) throw await unexpected(response, signal);
      await discard(response, signal);
    },
    signal,
  );
}
