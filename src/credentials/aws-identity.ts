// Who the step is at AWS: the keys of the settings or what the machine has, and the role that is taken on with it. All of it
// is passed to the SDK as values; nothing is put into the environment of the process.
// https://docs.aws.amazon.com/STS/latest/APIReference/
import {
  createCredentialChain,
  fromEnv,
  fromIni,
  fromNodeProviderChain,
  fromTokenFile,
} from '@aws-sdk/credential-providers';
import { type AwsTools, awsConnection } from './aws-connection.ts';
import { awsFailure, type AwsStep, withoutIdentity } from './aws-failure.ts';
import { renewedLogin } from './renewed-login.ts';

/** Whom to speak for. */
export interface AwsIdentity {
  /** Only the environment, profile files and token files: no metadata server is asked. */
  readonly soft: boolean;
  readonly region: string;
  /** Absent: what the machine has. */
  readonly keys?: AwsKeys;
  /** Taken on with that. */
  readonly role?: {
    readonly arn: string;
    readonly sessionName: string;
    readonly externalId?: string;
    /** The identity instead of the keys. */
    readonly webIdentityToken?: string;
  };
}

/** Keys of an AWS identity. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

interface IssuedKeys extends AwsKeys {
  readonly expiresAt?: Date;
}

/** The keys to sign with, renewed near their end. Throws PluginError (exit 3). */
export type AwsKeySource = () => Promise<AwsKeys>;

/** Finds out who the step is, when first asked. */
export function awsKeySource({ keys, role, region, soft }: AwsIdentity, tools: AwsTools): AwsKeySource {
  const own = keys === undefined ? keysOfMachine(soft, region, tools) : async () => keys;
  if (role === undefined) return own;
  const { webIdentityToken } = role;
  const take = (): Promise<IssuedKeys> =>
    webIdentityToken === undefined
      ? assumeRole(role, region, own, tools)
      : assumeRoleByToken(role, webIdentityToken, region, tools);
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

type Role = NonNullable<AwsIdentity['role']>;

async function assumeRole(
  { arn, sessionName, externalId }: Role,
  region: string,
  own: AwsKeySource,
  tools: AwsTools,
): Promise<IssuedKeys> {
  const { AssumeRoleCommand, STSClient } = await import('@aws-sdk/client-sts');
  const client = new STSClient({ ...awsConnection('sts', region, tools), credentials: own });
  const input = { RoleArn: arn, RoleSessionName: sessionName };
  const command = new AssumeRoleCommand(externalId === undefined ? input : { ...input, ExternalId: externalId });
  const whenDenied = `role ${arn} must trust this identity${externalId === undefined ? '' : ' and this external_id'}, which needs sts:AssumeRole`;
  return issuedKeys(
    { what: `assume role ${arn}`, whenDenied },
    client.send(command, { abortSignal: tools.signal }),
    tools,
  );
}

/** No keys are needed, and the request is not signed: the token is the identity. */
async function assumeRoleByToken(
  { arn, sessionName }: Role,
  token: string,
  region: string,
  tools: AwsTools,
): Promise<IssuedKeys> {
  const { AssumeRoleWithWebIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
  const client = new STSClient(awsConnection('sts', region, tools));
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: arn,
    RoleSessionName: sessionName,
    WebIdentityToken: token,
  });
  const step: AwsStep = {
    what: `assume role ${arn} with oidc_token_id`,
    whenDenied: `role ${arn} must trust the issuer, the audience and the subject of this token`,
    token: 'oidc_token_id',
  };
  return issuedKeys(step, client.send(command, { abortSignal: tools.signal }), tools);
}

interface StsAnswer {
  readonly Credentials?:
    | {
        readonly AccessKeyId?: string | undefined;
        readonly SecretAccessKey?: string | undefined;
        readonly SessionToken?: string | undefined;
        readonly Expiration?: Date | undefined;
      }
    | undefined;
}

async function issuedKeys(
  step: AwsStep,
  answer: Promise<StsAnswer>,
  { signal, redact }: AwsTools,
): Promise<IssuedKeys> {
  const { Credentials: keys } = await answer.catch((error: unknown) => {
    signal.throwIfAborted();
    throw awsFailure(step, error);
  });
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken } = keys ?? {};
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined) {
    throw awsFailure(step, new Error('the answer holds no keys'));
  }
  for (const secret of [secretAccessKey, sessionToken]) redact(secret);
  const expiresAt = keys?.Expiration;
  return { accessKeyId, secretAccessKey, sessionToken, ...(expiresAt === undefined ? {} : { expiresAt }) };
}
