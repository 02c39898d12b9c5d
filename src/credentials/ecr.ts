// Private Amazon ECR: a login for each region, asked for when its first host is, and again near its end. It is good for every
// registry of its region that the identity may use, also those of other accounts.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import type { CredentialSource } from '../base/credentials.ts';
import { readEcrHost } from '../base/registry-variant.ts';
import { awsConnection, type AwsTools } from './aws-connection.ts';
import { awsFailure } from './aws-failure.ts';
import { awsKeySource, type AwsIdentity, type AwsKeySource } from './aws-identity.ts';
import { prepareRepository, type RepositorySettings } from './ecr-repository.ts';
import { asCredentials, issuedLogin } from './ecr-token.ts';
import { isThatOf, type IssuedLogin, renewedLogin, type RenewedLogin } from './renewed-login.ts';

/** What ECR is asked for. */
export interface EcrOptions extends AwsIdentity {
  /** Serves this host alone. */
  readonly onlyHost?: string;
  /** Host that gets logins of `region` whatever its name says. */
  readonly registry?: string;
  /** The name of the account's registry is wanted at once. */
  readonly needsRegistry: boolean;
  /** Account to ask for, when not the caller's. */
  readonly registryId?: string;
  readonly repositories: RepositorySettings;
}

/** ECR, ready to give logins. */
export interface Ecr {
  readonly providers: readonly CredentialSource[];
  readonly registry?: string;
  /** Makes repositories and sets what the settings say of them. Throws PluginError (exit 3). */
  prepareRepositories(
    repositories: readonly { readonly domain: string; readonly path: string }[],
    signal: AbortSignal,
  ): Promise<void>;
}

interface RegionLogin extends IssuedLogin {
  /** Host of the account's registry. */
  readonly host: string;
}

/** Opens ECR; it is asked at once only for the name of the registry. Throws PluginError (exit 3) when it refuses. */
export async function openEcr(options: EcrOptions, tools: AwsTools): Promise<Ecr> {
  const { registryId, soft, repositories: settings } = options;
  const keys = awsKeySource(options, tools);
  const logins = new Map<string, RenewedLogin<RegionLogin>>();
  const loginOf = (region: string): Promise<RegionLogin> => {
    const known = logins.get(region) ?? renewedLogin(() => askForLogin(region, keys, registryId, tools), tools.now);
    logins.set(region, known);
    return known();
  };
  /** Learned from AWS. */
  let ownRegistry: string | undefined;
  const isOwn = (host: string): boolean => host === options.registry || host === ownRegistry;
  const regionOf = (host: string): string | undefined => {
    if (options.onlyHost !== undefined) return host === options.onlyHost ? options.region : undefined;
    return readEcrHost(host)?.region ?? (isOwn(host) ? options.region : undefined);
  };
  const provider: CredentialSource = {
    searched: 'AWS',
    async find(host) {
      const region = regionOf(host);
      return region === undefined
        ? undefined
        : asCredentials(loginOf(region), `AWS (ECR in ${region})`, soft, tools.log);
    },
    renew: (host, refused) => logins.get(regionOf(host) ?? '')?.forget(isThatOf(refused)) === true,
  };
  if (options.needsRegistry) ownRegistry = (await loginOf(options.region)).host;
  const registry = ownRegistry;
  return {
    providers: [provider],
    ...(registry === undefined ? {} : { registry }),
    async prepareRepositories(repositories, signal) {
      for (const { domain, path } of repositories) {
        const region = regionOf(domain);
        if (region === undefined) continue;
        const account = readEcrHost(domain)?.account ?? registryId;
        const client = new ECRClient({ ...awsConnection('api.ecr', region, tools), credentials: keys });
        await prepareRepository(client, { name: path, account }, settings, tools.log, signal);
      }
    },
  };
}

async function askForLogin(
  region: string,
  keys: AwsKeySource,
  registryId: string | undefined,
  tools: AwsTools,
): Promise<RegionLogin> {
  const step = {
    what: `login to ${region}`,
    whenDenied: 'the identity needs the permission ecr:GetAuthorizationToken',
  };
  const client = new ECRClient({ ...awsConnection('api.ecr', region, tools), credentials: keys });
  const command = new GetAuthorizationTokenCommand(registryId === undefined ? {} : { registryIds: [registryId] });
  const answer = await client.send(command, { abortSignal: tools.signal }).catch((error: unknown) => {
    tools.signal.throwIfAborted();
    throw awsFailure(step, error);
  });
  const [data] = answer.authorizationData ?? [];
  const host = data?.proxyEndpoint?.replace(/^https?:\/\//, '').replace(/\/+$/, '') ?? '';
  if (host === '') throw awsFailure(step, new Error('the answer names no registry'));
  return { ...issuedLogin(step, data, tools.redact), host };
}
