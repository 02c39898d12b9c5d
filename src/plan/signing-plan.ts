// How what is published is signed, from the settings.
import type { Settings } from '../settings/settings.ts';

/** How what is published is signed. */
export interface SigningPlan {
  /** A private key block, and the password that may be needed to open it. */
  readonly key: { readonly pem: string; readonly password: string | undefined };
  readonly annotations: ReadonlyMap<string, string>;
  /** The images of an index are signed too. */
  readonly recursive: boolean;
  /** A failure to sign fails the step. */
  readonly required: boolean;
}

/** undefined when nothing is to be signed. In a dry run the key is still worth a look. */
export function signingPlan({ signing }: Settings): SigningPlan | undefined {
  return signing;
}
