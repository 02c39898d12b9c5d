// Public Amazon ECR: one host, one login, and an API that answers in one region only.
// https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/
import {
  CreateRepositoryCommand,
  ECRPUBLICClient,
  GetAuthorizationTokenCommand,
  RepositoryAlreadyExistsException,
  SetRepositoryPolicyCommand,
} from '@aws-sdk/client-ecr-public';
import type { CredentialSource } from '../base/credentials.ts';
import { ecrPublicHost } from '../base/registry-variant.ts';
import { awsConnection, type AwsTools } from './aws-connection.ts';
import { awsFailure } from './aws-failure.ts';
import { awsKeySource, type AwsIdentity } from './aws-identity.ts';
import { asCredentials, issuedLogin } from './ecr-token.ts';
import { isThatOf, renewedLogin } from './renewed-login.ts';

/** What public ECR is asked for. `region` is that of its API. */
export interface EcrPublicOptions extends AwsIdentity {
  readonly repositories: { readonly create: boolean; readonly repositoryPolicy?: string };
}

/** Opens public ECR; nothing is asked before its host needs a login. */
export function openEcrPublic(options: EcrPublicOptions, tools: AwsTools) {
  const { region, soft, repositories: settings } = options;
  const credentials = awsKeySource(options, tools);
  const connect = () => new ECRPUBLICClient({ ...awsConnection('api.ecr-public', region, tools), credentials });
  const attempt = async <T>(what: string, permission: string, call: Promise<T>, signal: AbortSignal): Promise<T> =>
    call.catch((error: unknown) => {
      signal.throwIfAborted();
      throw awsFailure({ what, whenDenied: `the identity needs the permission ${permission}` }, error);
    });
  const login = renewedLogin(async () => {
    const what = `login to ${ecrPublicHost}`;
    const { signal } = tools;
    const call = connect().send(new GetAuthorizationTokenCommand({}), { abortSignal: signal });
    const permission = 'ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken';
    const { authorizationData } = await attempt(what, permission, call, signal);
    return issuedLogin({ what, whenDenied: '' }, authorizationData, tools.redact);
  }, tools.now);
  const provider: CredentialSource = {
    searched: 'AWS',
    async find(host) {
      return host === ecrPublicHost ? asCredentials(login(), 'AWS (public ECR)', soft, tools.log) : undefined;
    },
    renew: (host, refused) => host === ecrPublicHost && login.forget(isThatOf(refused)),
  };
  return {
    providers: [provider],
    /** Makes repositories and sets their policy. Throws PluginError (exit 3). */
    async prepareRepositories(
      repositories: readonly { readonly domain: string; readonly path: string }[],
      signal: AbortSignal,
    ): Promise<void> {
      const { create, repositoryPolicy: policyText } = settings;
      for (const { domain, path } of repositories) {
        if (domain !== ecrPublicHost) continue;
        // The first part is the alias of the registry, which its own API does not want to hear.
        const repositoryName = path.replace(/^[^/]+\//, '');
        if (create) await createIfMissing(repositoryName, signal);
        if (policyText === undefined) continue;
        const call = connect().send(new SetRepositoryPolicyCommand({ repositoryName, policyText }), {
          abortSignal: signal,
        });
        await attempt(`set the policy of ${path}`, 'ecr-public:SetRepositoryPolicy', call, signal);
      }
    },
  };

  async function createIfMissing(repositoryName: string, signal: AbortSignal): Promise<void> {
    const call = connect()
      .send(new CreateRepositoryCommand({ repositoryName }), { abortSignal: signal })
      .then(
        () => tools.log.info(`created repository ${repositoryName} in public ECR`),
        (error: unknown) => {
          if (!(error instanceof RepositoryAlreadyExistsException)) throw error;
        },
      );
    await attempt(`create repository ${repositoryName}`, 'ecr-public:CreateRepository', call, signal);
  }
}
