// Several places to look for a login, asked in order; the first answer counts.
import type { Credentials, CredentialSource, LoginUse } from '../base/credentials.ts';

/** Asks the sources in order. */
export function chainCredentials(sources: readonly CredentialSource[]): CredentialSource {
  return {
    searched: sources
      .map(({ searched }) => searched)
      .filter((searched) => searched !== '')
      .join(', '),
    async find(host: string, path?: string, use?: LoginUse): Promise<Credentials | undefined> {
      for (const source of sources) {
        const found = await source.find(host, path, use);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    renew: (host, refused) => sources.some((source) => source.renew?.(host, refused) === true),
    advice(host: string): string | undefined {
      for (const source of sources) {
        const advice = source.advice?.(host);
        if (advice !== undefined) return advice;
      }
      return undefined;
    },
  };
}

/** A source whose logins are for reading only: nobody who pushes finds them. */
export function pullOnly(source: CredentialSource): CredentialSource {
  return {
    searched: source.searched,
    find: async (host, path, use) => (use === 'pull' ? source.find(host, path, use) : undefined),
  };
}
