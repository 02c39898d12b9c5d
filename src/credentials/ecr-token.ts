// The login inside of an ECR token: base64 of `user:password`, good for twelve hours. Private and public ECR hand it out alike.
import { type Credentials, decodeAuth } from '../base/credentials.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { awsFailure, type AwsStep, isWithoutIdentity } from './aws-failure.ts';
import type { IssuedLogin } from './renewed-login.ts';

/** What both kinds of ECR answer. */
interface TokenData {
  readonly authorizationToken?: string | undefined;
  readonly expiresAt?: Date | undefined;
}

/** Reads the token. Throws PluginError (exit 3) when there is none. */
export function issuedLogin(
  step: AwsStep,
  data: TokenData | undefined,
  redact: (secret: string) => unknown,
): IssuedLogin {
  const token = data?.authorizationToken ?? '';
  redact(token);
  const login = decodeAuth(token);
  if (login === undefined) throw awsFailure(step, new Error('the answer holds no token'));
  redact(login.password);
  const { expiresAt } = data ?? {};
  return { ...login, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/**
 * The login of a registry. Where nobody asked for this cloud, a machine without an identity is no news, and a refusal a
 * warning; else both are errors.
 */
export async function asCredentials(
  issued: Promise<IssuedLogin>,
  source: string,
  soft: boolean,
  log: Log,
): Promise<Credentials | undefined> {
  try {
    const { username, password } = await issued;
    return { kind: 'basic', username, password, source };
  } catch (error) {
    if (!soft || !(error instanceof PluginError)) throw error;
    if (!isWithoutIdentity(error)) log.warn(`${error.message}; going on without this login`);
    return undefined;
  }
}
