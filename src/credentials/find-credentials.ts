// All places where a step may have put its logins, as one source: the settings first, then the cloud that the step is for,
// then the Docker configs in the order in which the plan lists them, then clouds that may know a host. The first answer
// for a registry is named in the log, once.
import type { CredentialSource } from '../base/credentials.ts';
import type { Log } from '../base/log.ts';
import { chainCredentials, pullOnly } from './chain.ts';
import { dockerConfigLogins } from './docker-config.ts';
import { type GivenLogin, givenLogins } from './settings.ts';

export interface LoginPlaces {
  readonly logins: readonly GivenLogin[];
  /** Clouds that the step asked for a login. */
  readonly providers: readonly CredentialSource[];
  /** Logins that are never used for pushing. */
  readonly baseImageLogins: readonly GivenLogin[];
  /** docker config.json texts; `source` names the place for messages. Those of `logins` are asked first. */
  readonly loginConfigs: readonly ConfigText[];
  readonly configs: readonly ConfigText[];
  /** Clouds that nobody asked for; a host alone says that they may help. */
  readonly softProviders: readonly CredentialSource[];
}

interface ConfigText {
  readonly text: string;
  readonly source: string;
}

/** Throws PluginError (exit 2) for a config that cannot be read, with the place of the problem and none of its text. */
export function findCredentials(
  { logins, loginConfigs, providers, baseImageLogins, configs, softProviders }: LoginPlaces,
  tools: { readonly log: Log; readonly redact: (secret: string) => void },
): CredentialSource {
  const read = ({ text, source }: ConfigText): CredentialSource => dockerConfigLogins(text, { ...tools, source });
  const chain = chainCredentials([
    ...loginConfigs.map(read),
    givenLogins(logins),
    ...providers,
    pullOnly(givenLogins(baseImageLogins)),
    ...configs.map(read),
    ...softProviders,
  ]);
  return announced(chain, tools.log);
}

/** Says which login is used where: of several places that hold one, people look at the wrong one first. */
function announced(chain: CredentialSource, log: Log): CredentialSource {
  const said = new Set<string>();
  return {
    ...chain,
    async find(host, path, use) {
      const found = await chain.find(host, path, use);
      const line = found === undefined ? undefined : `login at ${host}: ${found.source}`;
      if (line !== undefined && !said.has(line)) log.info(line);
      if (line !== undefined) said.add(line);
      return found;
    },
  };
}
