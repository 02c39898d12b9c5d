// Logins for private Amazon ECR: a token for each region, asked for when its first host is, and again near its end. A token
// is good for every registry of its region that the identity may use, also those of other accounts.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import { type CredentialSource, decodeAuth } from '../base/credentials.ts';
import { PluginError } from '../base/plugin-error.ts';
import { readEcrHost } from '../base/registry-variant.ts';
import { awsFailure, isWithoutCredentials } from './aws-failure.ts';
import { awsCredentials, type AwsIdentity } from './aws-identity.ts';
import { type IssuedLogin, renewedLogin } from './renewed-login.ts';

/** What ECR is asked for. */
export interface EcrOptions extends AwsIdentity {
  readonly region: string;
  /** Host that gets logins of `region` whatever its name says. */
  readonly registry?: string;
  readonly needsRegistry: boolean;
  readonly registryIds: readonly string[];
}

export interface EcrTools {
  readonly now: () => Date;
  /** Told each token. */
  readonly redact: (secret: string) => void;
  /** Ends requests under way. */
  readonly signal: AbortSignal;
}

interface RegionLogin extends IssuedLogin {
  /** Host of the account's registry. */
  readonly host: string;
}

/** Tries of one call, the first included. */
const attempts = 3;

/** Opens ECR; it is asked at once only for the name of the registry. Throws PluginError (exit 3) when it refuses. */
export async function openEcr(
  options: EcrOptions,
  tools: EcrTools,
): Promise<{ readonly providers: readonly CredentialSource[]; readonly registry?: string }> {
  const credentials = awsCredentials(options);
  const logins = new Map<string, () => Promise<RegionLogin>>();
  const loginOf = (region: string): Promise<RegionLogin> => {
    const known = logins.get(region) ?? renewedLogin(() => askForToken(region, credentials, options, tools), tools.now);
    logins.set(region, known);
    return known();
  };
  const provider: CredentialSource = {
    searched: 'AWS',
    async find(host) {
      const region = host === options.registry ? options.region : readEcrHost(host)?.region;
      if (region === undefined) return undefined;
      const login = await loginOf(region).catch((error: unknown) => {
        if (options.soft && isWithoutCredentials(error)) return undefined;
        throw error;
      });
      if (login === undefined) return undefined;
      const { username, password } = login;
      return { kind: 'basic', username, password, source: `AWS (ECR token for ${region})` };
    },
  };
  if (!options.needsRegistry) return { providers: [provider] };
  return { providers: [provider], registry: (await loginOf(options.region)).host };
}

async function askForToken(
  region: string,
  credentials: ReturnType<typeof awsCredentials>,
  { registryIds }: EcrOptions,
  { redact, signal }: EcrTools,
): Promise<RegionLogin> {
  const client = new ECRClient({ region, credentials, maxAttempts: attempts });
  const step = { what: `ask for a login to ${region}`, permission: 'ecr:GetAuthorizationToken' };
  const input = registryIds.length === 0 ? {} : { registryIds: [...registryIds] };
  const answer = await client.send(new GetAuthorizationTokenCommand(input), { abortSignal: signal }).catch((error) => {
    signal.throwIfAborted();
    throw awsFailure(step, error);
  });
  const [data] = answer.authorizationData ?? [];
  const token = data?.authorizationToken ?? '';
  redact(token);
  const login = decodeAuth(token);
  const host = data?.proxyEndpoint?.replace(/^https?:\/\//, '').replace(/\/+$/, '');
  if (login === undefined || host === undefined) {
    throw new PluginError({
      code: 'aws-refused',
      exitCode: 3,
      message: `ecr: ${step.what}: the answer holds no token`,
    });
  }
  redact(login.password);
  const { expiresAt } = data ?? {};
  return { ...login, host, ...(expiresAt === undefined ? {} : { expiresAt }) };
}
