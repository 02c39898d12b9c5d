// Where the uploads of a repository go: the Locations that its registry names, which are open until a blob is complete, and what
// is known about the size of the bodies that it takes.
import type { Place } from './place.ts';
import { ForbiddenTarget, type RequestTarget, resolveTarget } from './redirect.ts';
import { RegistryError } from './registry-error.ts';
import type { UploadSlots } from './upload-slots.ts';
import { headerOf, type WireResponse } from './wire.ts';

/** Where uploads of a repository go, and which are open. */
export interface UploadPlace {
  readonly place: Place;
  readonly slots: UploadSlots;
  /** For cancelling. */
  readonly open: Set<RequestTarget>;
  /** Bytes of one request; 0 = the whole blob. Changes when the registry does not take whole ones. */
  chunkBytes: number;
}

/** An upload that the registry has opened. */
export interface OpenedUpload extends RequestTarget {
  /** The registry wants no smaller chunks than this, but for the last one. */
  readonly minChunkBytes?: number;
}

/** Enters the Location of an answer. Throws RegistryError `bad-location`. */
export function openUpload(to: UploadPlace, response: WireResponse, what: string): OpenedUpload {
  const location = headerOf(response, 'location');
  const minimum = Number(headerOf(response, 'oci-chunk-min-length') ?? Number.NaN);
  try {
    if (location === undefined) throw new ForbiddenTarget('it does not say where to');
    const target = resolveTarget(location, response.target);
    const opened = Number.isSafeInteger(minimum) ? { ...target, minChunkBytes: minimum } : target;
    to.open.add(opened);
    return opened;
  } catch (error) {
    if (!(error instanceof ForbiddenTarget)) throw error;
    const { party } = to.place;
    throw new RegistryError({
      ...party,
      code: 'bad-location',
      exitCode: 4,
      message: `${what}: ${party.host} names no usable place for the upload: ${error.message}`,
    });
  }
}
