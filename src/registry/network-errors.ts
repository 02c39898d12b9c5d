// Words for a registry that could not be spoken to at all: names, ports, TLS, silence. Decided by the error codes of node,
// OpenSSL and undici, never by message texts.
import { hopeOf, networkCodeOf, noHttpCode } from '../base/transient.ts';
import type { ExitCode } from '../base/plugin-error.ts';
import type { GivenUp } from '../base/retry.ts';
import { textOf } from '../base/json-fields.ts';
import { cleanLine } from './answer.ts';
import type { Party } from './login-errors.ts';
import { RegistryError } from './registry-error.ts';
import { ThroughProxy } from './through-proxy.ts';

const unknownAuthorityCodes: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);

const invalidCertificateCodes: ReadonlyMap<string, string> = new Map([
  ['CERT_HAS_EXPIRED', 'has expired'],
  ['CERT_NOT_YET_VALID', 'is not valid yet'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'is for another host'],
  ['CERT_REVOKED', 'was revoked'],
  ['INVALID_PURPOSE', 'is not for servers'],
]);

const plainServerCodes: ReadonlySet<string> = new Set([
  'EPROTO',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
]);

const clientCertificateCodes: ReadonlySet<string> = new Set([
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
]);

const silenceCodes: ReadonlySet<string> = new Set(['ETIMEDOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/** What a code means to people; other codes are shown as they are. */
const meanings: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'its name is not known to the DNS'],
  ['EAI_AGAIN', 'the DNS does not answer'],
  ['ECONNREFUSED', 'nothing listens there'],
  ['ECONNRESET', 'the connection was reset'],
  ['EPIPE', 'the connection was reset'],
  ['UND_ERR_SOCKET', 'the connection was closed'],
  ['UND_ERR_CONNECT_TIMEOUT', 'it could not be reached in time'],
  ['UND_ERR_ABORTED', 'the proxy did not let us through'],
  [noHttpCode, 'what it says is no HTTP'],
  ['EHOSTUNREACH', 'there is no route to it'],
  ['ENETUNREACH', 'there is no route to it'],
]);

/** Whether TLS was spoken and the certificate was the trouble. */
export function isCertificateError(error: unknown): boolean {
  const code = networkCodeOf(error) ?? '';
  return unknownAuthorityCodes.has(code) || invalidCertificateCodes.has(code) || clientCertificateCodes.has(code);
}

/** A short cause for a line of the log. */
export function describeNetworkError(error: unknown): string {
  const code = networkCodeOf(error);
  if (code !== undefined && silenceCodes.has(code)) return 'no answer in time';
  return meanings.get(code ?? '') ?? code ?? (error instanceof Error ? error.message : String(error));
}

/** Errors of files that are read for an upload have codes too. */
function isOfNetwork(error: unknown, code: string): boolean {
  return (
    hopeOf(error) !== 'none' || /^(?:UND_ERR_(?!REQ_|INVALID_)|HPE_|ERR_SSL_|ERR_TLS_|EPROTO|E\w+UNREACH)/.test(code)
  );
}

interface Words {
  readonly code: string;
  readonly exitCode: ExitCode;
  /** Completes "<what>: ". */
  readonly came: string;
  readonly hint?: string;
}

/** The error for a request that never got an answer. undefined for errors that are not of the network. */
export function networkError(party: Party, what: string, error: unknown, how: GivenUp): RegistryError | undefined {
  const code = networkCodeOf(error);
  const words =
    code === undefined ? undefined : (tlsWords(code, party.host, error) ?? silenceWords(error, code, party.host, how));
  const proxy = error instanceof ThroughProxy ? error : undefined;
  if (words === undefined) return undefined;
  const { came, ...rest } = words;
  return new RegistryError({
    ...party,
    ...(proxy === undefined ? {} : { hint: proxyHint(party.host) }),
    ...rest,
    message: `${what}: ${came}${proxy === undefined ? '' : ` (through the proxy ${proxy.proxy})`}`,
    attempts: how.attempts,
    cause: error,
  });
}

function proxyHint(host: string): string {
  return `proxies are set by \`http_proxy\` and \`https_proxy\`, also as variables; \`no_proxy: ${host}\` goes past them`;
}

function tlsWords(code: string, host: string, error: unknown): Words | undefined {
  const invalid = invalidCertificateCodes.get(code);
  if (unknownAuthorityCodes.has(code)) {
    const hint = `give the authority's certificate in \`ca_cert\`, or name ${host} in \`insecure_registries\``;
    const came = `the certificate of ${host} is signed by an authority that is not trusted here`;
    return { code: 'tls-unknown-ca', exitCode: 4, came, hint };
  }
  if (invalid !== undefined) {
    const now = new Date().toISOString().slice(0, 16);
    const names = certificateNames(error);
    const facts = names === undefined ? `this machine's clock says ${now} UTC` : `it is for ${names}`;
    return { code: 'tls-invalid', exitCode: 4, came: `the certificate of ${host} ${invalid} (${facts})` };
  }
  if (clientCertificateCodes.has(code)) {
    const came = `${host} ended the TLS handshake; it may want a client certificate`;
    const hint = `give one in \`client_cert: ${host}=certificate.pem,key.pem\`, or in /etc/docker/certs.d/${host}`;
    return { code: 'tls-client-cert', exitCode: 4, came, hint };
  }
  if (!plainServerCodes.has(code)) return undefined;
  const hint = `if it is meant to be spoken to over plain http, name ${host} in \`insecure_registries\``;
  return { code: 'plain-http', exitCode: 2, came: `${host} does not speak TLS`, hint };
}

/** The names in a certificate that has none of ours: `DNS:a.example, DNS:b.example`. */
function certificateNames(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const names = textOf('cert' in error ? error.cert : undefined, 'subjectaltname');
  return names === '' ? certificateNames(error.cause) : cleanLine(names);
}

function silenceWords(error: unknown, code: string, host: string, how: GivenUp): Words | undefined {
  if (!isOfNetwork(error, code)) return undefined;
  const tries = describeTries(how);
  if (silenceCodes.has(code)) return { code: 'stalled', exitCode: 6, came: `${host} did not answer in time${tries}` };
  return { code: 'unreachable', exitCode: 4, came: `${host} cannot be reached: ${meaningOf(code, error)}${tries}` };
}

function meaningOf(code: string, error: unknown): string {
  const status = error instanceof ThroughProxy ? error.refusedWith : undefined;
  return `${meanings.get(code) ?? code}${status === undefined ? '' : `, it answered ${status}`}`;
}

/** ` (6 tries in 41 s)`, nothing for a single try. */
export function describeTries({ attempts, elapsedMs, isPatienceSpent = false }: GivenUp): string {
  const tries = attempts < 2 ? [] : [`${attempts} tries in ${Math.round(elapsedMs / 1000)} s`];
  const parts = [...tries, ...(isPatienceSpent ? ['and this run has waited long enough'] : [])];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
