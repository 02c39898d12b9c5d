// Roles of AWS: keys for an hour, given out by STS to whom the role trusts. In a file of its own, since few steps need it.
// https://docs.aws.amazon.com/STS/latest/APIReference/
import { AssumeRoleCommand, AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { type AwsTools, awsConnection } from './aws-connection.ts';
import { awsFailure, type AwsStep } from './aws-failure.ts';
import type { AwsKeySource, AwsRole, IssuedKeys } from './aws-identity.ts';

/** Takes the role on: by its web identity token when it has one, else with the own keys. Throws PluginError (exit 3). */
export async function assumeRole(
  role: AwsRole,
  region: string,
  own: AwsKeySource,
  tools: AwsTools,
): Promise<IssuedKeys> {
  const { webIdentityToken } = role;
  return webIdentityToken === undefined
    ? assumeByKeys(role, region, own, tools)
    : assumeByToken(role, webIdentityToken, region, tools);
}

async function assumeByKeys(
  { arn, sessionName, externalId }: AwsRole,
  region: string,
  own: AwsKeySource,
  tools: AwsTools,
): Promise<IssuedKeys> {
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
async function assumeByToken(
  { arn, sessionName }: AwsRole,
  token: string,
  region: string,
  tools: AwsTools,
): Promise<IssuedKeys> {
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
