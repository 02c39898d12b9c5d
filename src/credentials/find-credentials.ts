// All places where a step may have put its logins, as one source: the settings first, then the Docker configs in the order
// in which the plan lists them.
import type { CredentialSource } from '../base/credentials.ts';
import type { Log } from '../base/log.ts';
import { chainCredentials } from './chain.ts';
import { dockerConfigLogins } from './docker-config.ts';
import { type GivenLogin, givenLogins } from './settings.ts';

export interface LoginPlaces {
  readonly logins: readonly GivenLogin[];
  /** docker config.json texts; `source` names the place for messages. */
  readonly configs: readonly { readonly text: string; readonly source: string }[];
}

/** Throws PluginError (exit 2) for a config that cannot be read, with the place of the problem and none of its text. */
export function findCredentials(
  { logins, configs }: LoginPlaces,
  tools: { readonly log: Log; readonly redact: (secret: string) => void },
): CredentialSource {
  return chainCredentials([
    givenLogins(logins),
    ...configs.map(({ text, source }) => dockerConfigLogins(text, { ...tools, source })),
  ]);
}
