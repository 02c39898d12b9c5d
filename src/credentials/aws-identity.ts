// Who the step is at AWS: the keys of the settings or what the machine has, and the role that is taken on with it. All of it
// is passed to the SDK as values; nothing is put into the environment of the process.
import {
  createCredentialChain,
  fromEnv,
  fromIni,
  fromNodeProviderChain,
  fromTokenFile,
} from '@aws-sdk/credential-providers';
import { type AwsTools, awsConnection } from './aws-connection.ts';
import { awsFailure, withoutIdentity } from './aws-failure.ts';
import { renewedLogin } from './renewed-login.ts';

/** Whom to speak for. */
export interface AwsIdentity {
  /** Only the environment, profile files and token files: no metadata server is asked. */
  readonly soft: boolean;
  readonly region: string;
  /** Absent: what the machine has. */
  readonly keys?: AwsKeys;
  /** Taken on with that. */
  readonly role?: AwsRole;
}

/** A role to take on. */
export interface AwsRole {
  readonly arn: string;
  readonly sessionName: string;
  readonly externalId?: string;
  /** The identity instead of the keys. */
  readonly webIdentityToken?: string;
}

/** Keys of an AWS identity. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Keys that AWS gave out for some time. */
export interface IssuedKeys extends AwsKeys {
  readonly expiresAt?: Date;
}

/** The keys to sign with, renewed near their end. Throws PluginError (exit 3). */
export type AwsKeySource = () => Promise<AwsKeys>;

/** Finds out who the step is, when first asked. */
export function awsKeySource({ keys, role, region, soft }: AwsIdentity, tools: AwsTools): AwsKeySource {
  const own = keys === undefined ? keysOfMachine(soft, region, tools) : async () => keys;
  if (role === undefined) return own;
  const take = async (): Promise<IssuedKeys> => {
    // STS is for steps with a role only.
    const { assumeRole } = await import('./aws-role.ts');
    return assumeRole(role, region, own, tools);
  };
  return renewedLogin(take, tools.now);
}

const localPlaces = 'access_key/secret_key, environment, profile files, token file';

function keysOfMachine(soft: boolean, region: string, tools: AwsTools): AwsKeySource {
  const { region: _, ...connection } = awsConnection('sts', region, tools);
  const clientConfig = { ...connection, region };
  const chain = soft
    ? createCredentialChain(fromEnv(), fromIni({ clientConfig }), fromTokenFile({ clientConfig }))
    : fromNodeProviderChain({ clientConfig });
  return async () => {
    try {
      return await chain();
    } catch (error) {
      tools.signal.throwIfAborted();
      if (!(error instanceof Error && error.name === 'CredentialsProviderError')) {
        throw awsFailure(
          { what: 'credentials of the machine', whenDenied: 'the role of the machine must allow it' },
          error,
        );
      }
      throw withoutIdentity(soft ? localPlaces : `${localPlaces}, container endpoint, instance metadata`, error);
    }
  };
}
