// What a setting calls an image is looked up at its registry by ourselves and handed to the daemon with its digest: some
// image stores would else let a name that happens to be on the daemon decide, whatever resolve mode was asked for.
import type { Digest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import { parseReference, type Reference } from '../base/reference.ts';
import type { PreparedBuild } from './build-image.ts';

/** The digest that a registry has for an image; undefined when there is none, or none for us to see. */
export type ResolveImage = (image: Reference) => Promise<Digest | undefined>;

const scheme = 'docker-image://';

/**
 * The same build with every named context that is an image pinned to its digest. Does nothing when the step wants names of
 * the daemon to count (`pull` is false). Throws PluginError (exit 1) for an image that the registry does not show.
 */
export async function pinNamedImages(prepared: PreparedBuild, resolve: ResolveImage): Promise<PreparedBuild> {
  const { order } = prepared;
  if (!order.pull) return prepared;
  const pinned = [...order.namedContexts].map(async ([name, context]) => {
    if (context.kind !== 'address' || !context.address.startsWith(scheme)) return [name, context] as const;
    const address = `${scheme}${await pinImage(context.address.slice(scheme.length), 'named_context', resolve)}`;
    return [name, { ...context, address }] as const;
  });
  return { ...prepared, order: { ...order, namedContexts: new Map(await Promise.all(pinned)) } };
}

/** `name:tag@sha256:…` for a reference of a setting; one that has a digest stays as it is, and so does `scratch`. */
export async function pinImage(text: string, setting: string, resolve: ResolveImage): Promise<string> {
  const image = parseReference(text);
  if (image.digest !== undefined || text === 'scratch') return text;
  const digest = await resolve(image);
  if (digest !== undefined) return `${image.familiar}${image.tag === undefined ? ':latest' : ''}@${digest}`;
  throw new PluginError({
    code: 'image-missing',
    exitCode: 1,
    message: `settings.${setting}: ${image.domain} does not show an image ${image.familiar}`,
    hint: 'check the name and tag, and the login for that registry; images of the daemon do not count',
  });
}
