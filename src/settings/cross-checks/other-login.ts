// Whether a step for a cloud's registry brings a login of another kind, so that the cloud need not be asked.
import type { CrossInputs } from './cross-inputs.ts';

/** A user with a password, a token, or a config with logins. */
export function hasOtherLogin(given: CrossInputs['given']): boolean {
  const hasPassword = given.has('username') && given.has('password');
  return hasPassword || ['access_token', 'logins', 'config'].some((name) => given.has(name));
}
