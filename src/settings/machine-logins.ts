// Logins of clouds that a machine has at hand: variables that the clouds' own tools set and read, which are no settings. The
// files that they name are opened by whoever logs in.
import type { Environment } from './reading.ts';

export interface MachineLogins {
  readonly google: {
    /** GOOGLE_APPLICATION_CREDENTIALS. */
    readonly credentialsFile?: string;
    /** GCE_METADATA_HOST: another address of the metadata server. */
    readonly metadataHost?: string;
  };
  readonly azure: {
    readonly clientId?: string;
    readonly tenantId?: string;
    readonly secret?: string;
    /** AZURE_FEDERATED_TOKEN_FILE, as workload identity of a cluster sets it. */
    readonly tokenFile?: string;
    readonly authority?: string;
  };
}

/** What the environment says. Secrets are registered. */
export function readMachineLogins(environment: Environment, redact: (secret: string) => unknown): MachineLogins {
  const text = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const secret = text('AZURE_CLIENT_SECRET');
  if (secret !== undefined) redact(secret);
  return {
    google: given({
      credentialsFile: text('GOOGLE_APPLICATION_CREDENTIALS'),
      metadataHost: text('GCE_METADATA_HOST'),
    }),
    azure: given({
      clientId: text('AZURE_CLIENT_ID'),
      tenantId: text('AZURE_TENANT_ID'),
      secret,
      tokenFile: text('AZURE_FEDERATED_TOKEN_FILE'),
      authority: text('AZURE_AUTHORITY_HOST'),
    }),
  };
}

/** Without the members that are undefined. */
function given<K extends string>(texts: Readonly<Record<K, string | undefined>>): { readonly [k in K]?: string } {
  const entries = Object.entries<string | undefined>(texts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { readonly [k in K]?: string };
}
