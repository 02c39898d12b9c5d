// Who the step is at AWS: the keys of the settings, or what the machine has. The SDK makes the requests; everything that
// decides whom it speaks for is passed in, so that nothing is put into the environment of the process.
import type { ECRClientConfig } from '@aws-sdk/client-ecr';
import {
  createCredentialChain,
  fromEnv,
  fromIni,
  fromNodeProviderChain,
  fromTokenFile,
} from '@aws-sdk/credential-providers';

/** Whom to speak for. */
export interface AwsIdentity {
  /** Only the environment, profile files and token files: no metadata server is asked. */
  readonly soft: boolean;
  /** Absent: what the machine has. */
  readonly keys?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

/** Finds the keys to sign with; rejects when there are none. */
export function awsCredentials({ keys, soft }: AwsIdentity): NonNullable<ECRClientConfig['credentials']> {
  if (keys !== undefined) return async () => keys;
  return soft ? createCredentialChain(fromEnv(), fromIni(), fromTokenFile()) : fromNodeProviderChain();
}
