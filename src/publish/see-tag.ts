// What a tag shows. A registry that answers no HEAD may answer a GET all the same, and of a tag that we have just written
// somebody has to know whether it moved: two ways of asking are better than a guess.
import type { Digest } from '../base/digest.ts';
import type { TagStore } from './target.ts';

/** The digest under a tag; undefined = absent, or not for us to see. Throws what the HEAD met when the GET fails too. */
export async function seeTag(repository: TagStore, tag: string, signal: AbortSignal): Promise<Digest | undefined> {
  try {
    return (await repository.headManifest(tag, signal))?.digest;
  } catch (error) {
    signal.throwIfAborted();
    const manifest = await repository.getManifest(tag, signal).catch(() => {
      throw error;
    });
    return manifest?.digest;
  }
}
