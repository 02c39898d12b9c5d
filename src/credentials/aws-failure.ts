// Words for what AWS answers. Decided by the names of its errors, which are part of its API; its own text is shown behind.
import { PluginError } from '../base/plugin-error.ts';

/** What was tried, and what helps when it is refused. */
export interface AwsStep {
  /** "ask for a login to registries of us-east-1". */
  readonly what: string;
  /** Right that the call needs: "ecr:GetAuthorizationToken". */
  readonly permission: string;
}

const wrongKeys: ReadonlySet<string> = new Set([
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'InvalidClientTokenId',
  'IncompleteSignature',
  'SignatureDoesNotMatch',
]);
const expired: ReadonlySet<string> = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired']);
const denied: ReadonlySet<string> = new Set(['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation']);

/** The error for a call that failed after all tries (exit 3). */
export function awsFailure(step: AwsStep, error: unknown): PluginError {
  const name = error instanceof Error ? error.name : 'error';
  const said = error instanceof Error ? error.message : String(error);
  return new PluginError({
    code: 'aws-refused',
    exitCode: 3,
    message: `ecr: ${step.what}: ${name}: ${said}`,
    hint: hintFor(step, name),
    cause: error,
  });
}

/** Whether the SDK found nobody to speak for. */
export function isWithoutCredentials(error: unknown): boolean {
  const cause = error instanceof PluginError ? error.cause : error;
  return cause instanceof Error && cause.name === 'CredentialsProviderError';
}

function hintFor({ permission }: AwsStep, name: string): string | undefined {
  if (name === 'CredentialsProviderError') {
    return 'set access_key and secret_key; without them the environment, profiles and the metadata of the machine are searched';
  }
  if (expired.has(name)) return 'the keys have expired: set fresh ones, with their session_token';
  if (wrongKeys.has(name)) return 'check access_key, secret_key and session_token';
  return denied.has(name) ? `the identity needs the permission ${permission}` : undefined;
}
