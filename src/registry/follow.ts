// Sends a request and goes where redirects lead, by hand: at most five hops, never from https to http, and the login stays
// behind at the first step to another origin, for good. A host that the registry named is never logged in to.
import { readAnswer } from './answer.ts';
import { type Party, saidLine, wireFacts } from './login-errors.ts';
import type { Neighbourhood } from './neighbourhood.ts';
import { ForbiddenTarget, isRedirect, maxRedirects, type RequestTarget, resolveTarget, shownUrl } from './redirect.ts';
import { RegistryError } from './registry-error.ts';
import { discard, headerOf, type Wire, type WireRequest, type WireResponse } from './wire.ts';

/** A request with its login. */
export interface FollowedRequest extends Omit<WireRequest, 'neighbourhood' | 'isForeign'> {
  readonly party: Party;
  /** For messages. */
  readonly what: string;
  /** Only ever sent to `origin`. */
  readonly authorization: string | undefined;
  /** Where the registry itself is. */
  readonly origin: string;
  readonly neighbourhood: Neighbourhood;
  /** How far a redirect may lead. `none`: it is the answer. */
  readonly redirects: 'any-origin' | 'own-origin' | 'none';
}

/** The first answer that is not a redirect. Throws RegistryError `forbidden-target` for one that is not followed. */
export async function follow(wire: Wire, request: FollowedRequest, signal: AbortSignal): Promise<WireResponse> {
  let { target, authorization } = request;
  for (let hops = 0; ; hops += 1) {
    if (target.origin !== request.origin) authorization = undefined;
    const response = await sendTo(wire, request, target, authorization, signal);
    if (request.redirects === 'none' || !isRedirect(response.status, request.method)) {
      if (response.status === 401 && target.origin !== request.origin)
        throw await foreignLogin(request, response, signal);
      return response;
    }
    await discard(response, signal);
    if (hops === maxRedirects) throw forbidden(request, target, `it is the ${maxRedirects + 1}th redirect in a row`);
    target = nextTarget(request, target, headerOf(response, 'location'));
  }
}

async function sendTo(
  wire: Wire,
  request: FollowedRequest,
  target: RequestTarget,
  authorization: string | undefined,
  signal: AbortSignal,
): Promise<WireResponse> {
  const { method, body, headersMs, neighbourhood, origin } = request;
  const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
  try {
    return await wire.send(
      {
        method,
        target,
        headers,
        neighbourhood,
        isForeign: new URL(target.origin).hostname !== new URL(origin).hostname,
        ...(body === undefined ? {} : { body }),
        ...(headersMs === undefined ? {} : { headersMs }),
      },
      signal,
    );
  } catch (error) {
    throw error instanceof ForbiddenTarget ? forbidden(request, target, error.message) : error;
  }
}

function nextTarget(request: FollowedRequest, from: RequestTarget, location: string | undefined): RequestTarget {
  if (location === undefined) throw forbidden(request, from, 'a redirect from there does not say where to');
  try {
    const next = resolveTarget(location, from);
    if (request.redirects === 'any-origin' || next.origin === request.origin) return next;
    throw new ForbiddenTarget('this kind of request stays on the registry');
  } catch (error) {
    throw error instanceof ForbiddenTarget
      ? forbidden(request, from, `a redirect from there: ${error.message}`)
      : error;
  }
}

function forbidden(request: FollowedRequest, target: RequestTarget, reason: string): RegistryError {
  return new RegistryError({
    ...request.party,
    code: 'forbidden-target',
    exitCode: 4,
    message: `${request.what}: ${request.party.host} sent us to ${shownUrl(target)}, which is not followed: ${reason}`,
    method: request.method,
    url: shownUrl(target),
  });
}

async function foreignLogin(
  request: FollowedRequest,
  response: WireResponse,
  signal: AbortSignal,
): Promise<RegistryError> {
  const answer = await readAnswer(response, signal);
  return new RegistryError({
    ...request.party,
    code: 'foreign-login',
    exitCode: 4,
    message: `${request.what}: ${request.party.host} sent us to ${answer.origin}, which wants a login; none is given to it`,
    details: saidLine(answer),
    ...wireFacts(answer),
  });
}
