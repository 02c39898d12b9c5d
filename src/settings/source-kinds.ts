// The reader of `source_image`: an image that exists already, by name or by the id that a daemon gave to it.
import { PluginError } from '../base/plugin-error.ts';
import { parseReference, type Reference } from '../base/reference.ts';
import { isDigest } from '../base/digest.ts';
import { bad, good, type Kind, type Reading } from './reading.ts';

/** An image that exists already. */
export type SourceImage =
  /** With a tag, a digest or both. */
  | { readonly kind: 'name'; readonly reference: Reference }
  /** Of an image in a daemon: `sha256:<64 hex characters>`. */
  | { readonly kind: 'id'; readonly id: string };

const right = 'must be an image such as registry.example.com/team/app:tag or registry.example.com/team/app@sha256:...';

/** A name, with `latest` where it has no tag (or an empty one) and no digest; or an image id. */
export const sourceImage: Kind<SourceImage> = {
  name: 'image reference',
  read(text) {
    const trimmed = text.trim();
    if (isDigest(trimmed)) return good({ kind: 'id', id: trimmed });
    return readName(trimmed);
  },
};

function readName(text: string): Reading<SourceImage> {
  try {
    const withoutEmptyTag = text.replace(/^([^@]*[^/:@]):$/, '$1');
    const given = parseReference(withoutEmptyTag);
    if (given.digest !== undefined && !isDigest(given.digest)) {
      return bad('its digest is not a sha256 one', right);
    }
    const isBare = given.tag === undefined && given.digest === undefined;
    return good({ kind: 'name', reference: isBare ? parseReference(`${withoutEmptyTag}:latest`) : given });
  } catch (error) {
    if (error instanceof PluginError) return bad(error.message, error.hint ?? right);
    throw error;
  }
}
