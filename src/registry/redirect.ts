// Where the next request may go. Locations of uploads and redirects are resolved by hand: their query (upload state,
// signatures) is passed on as it came, and a target on another origin is recognised as such, because login data never
// goes there. RFC 9110, 10.2.2 and 15.4.

/** What is dialled and what is asked for there. */
export interface RequestTarget {
  /** Scheme, host and port as URL writes them. */
  readonly origin: string;
  /** Path and query as text. */
  readonly path: string;
}

/** A Location or redirect that must not be followed. */
export class ForbiddenTarget extends Error {}

/** Blob stores redirect once or twice; more is a loop. */
export const maxRedirects = 5;

/**
 * Resolves a Location against the target that named it: absolute, path-only or relative. An http:// of the same host
 * under an https registry comes from a proxy that the registry does not know about; https is kept.
 *
 * @throws ForbiddenTarget for other schemes, for user data in it, for http named by https, and for a query that cannot be sent
 */
export function resolveTarget(location: string, base: RequestTarget): RequestTarget {
  const from = new URL(base.origin + base.path);
  if (!URL.canParse(location, from.href)) throw new ForbiddenTarget('it is no URL');
  const url = new URL(location, from);
  if (url.username !== '' || url.password !== '') throw new ForbiddenTarget('it holds a login');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new ForbiddenTarget('it is neither https nor http');
  const path = url.pathname + rawQueryOf(location);
  if (/[^\u0021-\u007e]/.test(path)) throw new ForbiddenTarget('its query holds what no address may hold');
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    if (url.hostname === from.hostname) return { origin: from.origin, path };
    throw new ForbiddenTarget('it leads from https to http');
  }
  return { origin: url.origin, path };
}

/** The query as it was written, without the fragment; URL would write some characters anew. */
function rawQueryOf(location: string): string {
  const text = location.trim().split('#', 1)[0] ?? '';
  const question = text.indexOf('?');
  return question < 0 ? '' : text.slice(question);
}

/** Adds a parameter to a target and leaves the rest of the query as it is. */
export function withParameter(target: RequestTarget, name: string, value: string): RequestTarget {
  const separator = target.path.includes('?') ? '&' : '?';
  return { origin: target.origin, path: `${target.path}${separator}${name}=${encodeURIComponent(value)}` };
}

/** Whether a status asks this method to go on elsewhere with the same body. */
export function isRedirect(status: number, method: string): boolean {
  if (status === 307 || status === 308) return true;
  return (method === 'GET' || method === 'HEAD') && (status === 301 || status === 302 || status === 303);
}

/** For messages: without query. */
export function shownUrl(target: RequestTarget): string {
  return `${target.origin}${target.path.split('?', 1)[0] ?? ''}`;
}
