// The first request to a registry, GET /v2/: is somebody there, does it speak TLS, does it want a login? Made once per
// registry and run, without any login. http is tried only on loopback and on hosts that the settings call insecure.
// OCI distribution-spec 1.1, end-1.
import { readAnswer, UnexpectedAnswer } from './answer.ts';
import { type Challenge, chooseChallenge, parseChallenges } from './challenge.ts';
import type { Party } from './login-errors.ts';
import { isLoopbackHost, type Neighbourhood } from './neighbourhood.ts';
import { describeNetworkError, isCertificateError } from './network-errors.ts';
import { ForbiddenTarget, isRedirect, resolveTarget, type RequestTarget } from './redirect.ts';
import { PluginError } from '../base/plugin-error.ts';
import { RegistryError } from './registry-error.ts';
import { isBrokenConnection, isTransientStatus } from '../base/transient.ts';
import { discard, headerOf, headersOf, type Wire, type WireResponse } from './wire.ts';

/** What a ping found out. */
export interface Site {
  /** Scheme, host and port that everything else goes to. */
  readonly origin: string;
  /** undefined: open, or so it seems. */
  readonly challenge: Challenge | undefined;
}

export interface PingOptions {
  readonly party: Party;
  /** Where the API answers. */
  readonly apiHost: string;
  /** TLS need not be verified, and may be missing. */
  readonly isInsecure: boolean;
  /** TLS may not be missing, not even on loopback. */
  readonly isTlsOnly: boolean;
  readonly neighbourhood: Neighbourhood;
}

const pingPath = '/v2/';

/** Throws RegistryError `not-a-registry`, UnexpectedAnswer for a busy server, or the network's error. */
export async function ping(wire: Wire, options: PingOptions, signal: AbortSignal): Promise<Site> {
  const mayBePlain =
    options.isInsecure || (!options.isTlsOnly && isLoopbackHost(new URL(`https://${options.apiHost}`).hostname));
  const overTls = pingAt(wire, new URL(`https://${options.apiHost}`).origin, options, signal);
  if (!mayBePlain) return overTls;
  try {
    return await overTls;
  } catch (error) {
    signal.throwIfAborted();
    // An answer came over TLS, or a certificate was refused or is unusable: then this is not a plain server.
    if (error instanceof UnexpectedAnswer || error instanceof PluginError || isCertificateError(error)) throw error;
    return pingPlainly(wire, error, options, signal);
  }
}

/** Plain http where TLS failed. Whoever does not answer as a registry there may speak TLS after all. */
async function pingPlainly(wire: Wire, tlsError: unknown, options: PingOptions, signal: AbortSignal): Promise<Site> {
  try {
    return await pingAt(wire, new URL(`http://${options.apiHost}`).origin, options, signal);
  } catch (error) {
    signal.throwIfAborted();
    const isRefusal = error instanceof RegistryError && error.code === 'not-a-registry' && error.status === 400;
    if (!isRefusal) throw error;
    // An accident of the connection, and worth another try with TLS.
    if (isBrokenConnection(tlsError)) throw tlsError;
    throw new RegistryError({
      ...options.party,
      code: 'https-needed',
      exitCode: 2,
      message: `${options.party.host} takes no plain http, and TLS failed: ${describeNetworkError(tlsError)}`,
      hint: 'TLS 1.2 or later is needed there; a registry with TLS need not be among the insecure ones',
      cause: tlsError,
    });
  }
}

/** The same at one origin. */
export async function pingAt(wire: Wire, origin: string, options: PingOptions, signal: AbortSignal): Promise<Site> {
  const target: RequestTarget = { origin, path: pingPath };
  const { neighbourhood } = options;
  const response = await wire.send({ method: 'GET', target, neighbourhood, isForeign: false }, signal);
  if (response.status >= 200 && response.status < 300) {
    await discard(response, signal);
    return { origin, challenge: undefined };
  }
  if (response.status === 401) {
    const challenges = parseChallenges(headersOf(response, 'www-authenticate'));
    await discard(response, signal);
    const challenge = chooseChallenge(challenges);
    if (challenge === undefined) throw withoutLogin(options.party, challenges);
    return { origin, challenge };
  }
  const secure = isRedirect(response.status, 'GET') ? secureOrigin(headerOf(response, 'location'), target) : undefined;
  if (secure !== undefined) {
    await discard(response, signal);
    return pingAt(wire, secure, options, signal);
  }
  const answer = await readAnswer(response, signal);
  // Who is shut out learns why by the words for that, not that this is no registry.
  if (isTransientStatus(answer.status) || answer.status === 403) throw new UnexpectedAnswer(answer);
  throw new RegistryError({
    ...options.party,
    code: 'not-a-registry',
    exitCode: 2,
    message:
      `${options.party.host} answers, but not as a registry: GET ${origin}${pingPath} gave ${answer.status}` +
      (answer.said === undefined ? '' : ` (${JSON.stringify(answer.said)})`),
    hint: 'check the host and the port in the name of the image',
    method: answer.method,
    url: answer.url,
    status: answer.status,
  });
}

/** Where a plain registry that takes no writes any more wants them: its TLS side. undefined for every other answer. */
export function movedTo({ status, method, target, headers }: WireResponse): string | undefined {
  const isWrite = method !== 'GET' && method !== 'HEAD';
  const location = headers['location'];
  return isWrite && [301, 302].includes(status) && typeof location === 'string'
    ? secureOrigin(location, target)
    : undefined;
}

/** A plain server that sends us to its TLS side, and nowhere else. */
function secureOrigin(location: string | undefined, from: RequestTarget): string | undefined {
  if (location === undefined || from.origin.startsWith('https:')) return undefined;
  try {
    const { origin } = resolveTarget(location, from);
    const isSameHost = new URL(origin).hostname === new URL(from.origin).hostname;
    return isSameHost && origin.startsWith('https:') ? origin : undefined;
  } catch (error) {
    if (error instanceof ForbiddenTarget) return undefined;
    throw error;
  }
}

function withoutLogin(party: Party, challenges: readonly Challenge[]): RegistryError {
  const schemes = challenges.map(({ scheme }) => scheme).join(', ') || 'none that it names';
  return new RegistryError({
    ...party,
    code: 'unsupported-login',
    exitCode: 4,
    message: `${party.host} wants a kind of login that is not supported (${schemes}); Bearer and Basic are`,
    status: 401,
  });
}
