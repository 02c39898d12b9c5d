// Words for what AWS answers. Decided by the names of its errors, which are part of its API; its own text is shown behind.
import { PluginError } from '../base/plugin-error.ts';
import { networkCodeOf } from '../base/transient.ts';

/** What was tried, and what helps when it is refused. */
export interface AwsStep {
  /** Completes "ecr: ": "login to eu-west-1". */
  readonly what: string;
  /** What to do when the identity may not. */
  readonly whenDenied: string;
  /** The setting that the identity comes from, when it is a token. */
  readonly token?: 'oidc_token_id';
}

const noIdentity = 'aws-no-identity';
const maxSaidLength = 300;

const wrongKeys: ReadonlySet<string> = new Set([
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'InvalidClientTokenId',
  'InvalidClientTokenIdException',
  'IncompleteSignature',
  'SignatureDoesNotMatch',
]);
const expired: ReadonlySet<string> = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired']);
const denied: ReadonlySet<string> = new Set(['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation']);
const badToken: ReadonlySet<string> = new Set([
  'InvalidIdentityToken',
  'InvalidIdentityTokenException',
  'IDPRejectedClaim',
  'IDPRejectedClaimException',
]);
const noSuchPlace: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN']);

/** The error for a call that failed after all tries (exit 3). What is worded already is passed on, and so is a bug. */
export function awsFailure(step: AwsStep, error: unknown): Error {
  if (error instanceof PluginError || error instanceof TypeError || error instanceof ReferenceError) return error;
  const name = error instanceof Error ? error.name : 'error';
  const said = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
  const network = networkCodeOf(error);
  return new PluginError({
    code: 'aws-refused',
    exitCode: 3,
    message: `ecr: ${step.what}: ${network ?? name}: ${said.slice(0, maxSaidLength)}`,
    hint: network === undefined ? hintFor(step, name) : networkHint(network),
    cause: error,
  });
}

function hintFor({ whenDenied, token }: AwsStep, name: string): string | undefined {
  if (token !== undefined && (expired.has(name) || badToken.has(name))) {
    return `${token} must be a fresh token of an identity provider that the role trusts`;
  }
  if (expired.has(name)) return 'the keys have expired: set fresh ones, together with their session_token';
  if (wrongKeys.has(name)) return 'check access_key, secret_key and session_token';
  return denied.has(name) ? whenDenied : undefined;
}

function networkHint(code: string): string {
  return noSuchPlace.has(code)
    ? 'check region; behind a proxy set https_proxy'
    : 'the plugin’s own connections honour https_proxy, no_proxy and ca_cert';
}

/** Nobody to speak for (exit 3). */
export function withoutIdentity(looked: string, cause: unknown): PluginError {
  return new PluginError({
    code: noIdentity,
    exitCode: 3,
    message: `ecr: credentials: no AWS credentials; looked at: ${looked}`,
    hint: 'set access_key and secret_key, or let the machine have a role',
    cause,
  });
}

/** Whether nobody was found to speak for. */
export function isWithoutIdentity(error: unknown): boolean {
  return error instanceof PluginError && error.code === noIdentity;
}
