// Several places to look for a login, asked in order; the first answer counts.
import type { Credentials, CredentialSource } from '../base/credentials.ts';

/** Asks the sources in order. */
export function chainCredentials(sources: readonly CredentialSource[]): CredentialSource {
  return {
    searched: sources.map(({ searched }) => searched).join(', ') || 'no place: no login was given',
    async find(host: string, path?: string): Promise<Credentials | undefined> {
      for (const source of sources) {
        const found = await source.find(host, path);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
