// Kinds of registries whose logins come from a cloud, and how a host shows that it is one. Only the spelling of a host is
// looked at: nothing is asked of it. The forms of ECR: docs.aws.amazon.com/AmazonECR, "registry endpoints" (private, FIPS,
// dual-stack and the other partitions).

/** A kind of registry; `docker` is every registry that takes a user and a password. */
export type RegistryVariant = 'docker' | 'ecr' | 'ecr-public' | 'gcr' | 'gar' | 'acr' | 'heroku';

/** What the host of a private ECR registry says. */
export interface EcrHost {
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
}

/** The one host of public ECR. */
export const ecrPublicHost = 'public.ecr.aws';

const ecrHostGrammar =
  /^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn))$/;

/** Account and region of a private ECR host; undefined for every other host. */
export function readEcrHost(host: string): EcrHost | undefined {
  const [, account, region] = ecrHostGrammar.exec(host) ?? [];
  return account === undefined || region === undefined ? undefined : { account, region };
}

/** The cloud that a host (`registryHost`, lower case) belongs to; undefined for an ordinary registry. */
export function variantOfHost(host: string): Exclude<RegistryVariant, 'docker'> | undefined {
  if (readEcrHost(host) !== undefined) return 'ecr';
  if (host === ecrPublicHost) return 'ecr-public';
  if (host === 'gcr.io' || host.endsWith('.gcr.io')) return 'gcr';
  if (host.endsWith('-docker.pkg.dev')) return 'gar';
  if (/\.azurecr\.(?:io|cn|us)$/.test(host)) return 'acr';
  return host === 'registry.heroku.com' ? 'heroku' : undefined;
}
