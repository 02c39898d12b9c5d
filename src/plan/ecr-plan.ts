// The AWS side of a step: for which registries it speaks to Amazon, as whom, and what becomes of repositories there.
import { ecrPublicHost, readEcrHost, variantOfHost } from '../base/registry-variant.ts';
import type { BuildInfo } from '../settings/build-info.ts';
import type { Settings } from '../settings/settings.ts';
import { loginsPlan, type AwsLoginPlan } from './login-plan.ts';
import { placedRepositories, unnamedRegistry } from './variant.ts';

/** Whom a step speaks for at AWS. */
export interface AwsIdentityPlan {
  /** Only what the machine has at hand is tried, and without it nobody logs in. */
  readonly soft: boolean;
  /** Of the calls that are about no host in particular. */
  readonly region: string;
  /** Absent: what the machine has. */
  readonly keys?: AwsKeys;
  readonly role?: AwsRole;
}

/** Keys of an AWS identity. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A role to take on. */
export interface AwsRole {
  readonly arn: string;
  readonly sessionName: string;
  readonly externalId?: string;
  /** The identity; absent: the keys are. */
  readonly webIdentityToken?: string;
}

/** What becomes of the repositories that are published to. */
export interface RepositorySettings {
  readonly create: boolean;
  readonly scanOnPush?: boolean;
  readonly tagMutability?: 'MUTABLE' | 'IMMUTABLE';
  /** JSON. */
  readonly lifecyclePolicy?: string;
  /** JSON. */
  readonly repositoryPolicy?: string;
}

/** Private ECR as a source of logins. */
export interface EcrPlan extends AwsIdentityPlan {
  readonly variant: 'ecr';
  /** Serves this host alone. */
  readonly onlyHost?: string;
  /** Host that gets logins of `region` whatever its name says; absent when the account's own registry is meant. */
  readonly registry?: string;
  /** The settings name no registry: that of the account has to be asked for. */
  readonly needsRegistry: boolean;
  /** Account to ask for, when not the caller's. */
  readonly registryId?: string;
  readonly repositories: RepositorySettings;
}

/** Public ECR as a source of logins. It is one place, whatever the region of the images. */
export interface EcrPublicPlan extends AwsIdentityPlan {
  readonly variant: 'ecr-public';
  readonly repositories: RepositorySettings;
}

const defaultRegion = 'us-east-1';
/** The only region where public ECR answers. */
const publicRegion = 'us-east-1';

/** Entries of `logins` with a session of their own, then ECR as the step means it; empty when it has nothing to do there. */
export function ecrPlans(settings: Settings, info: BuildInfo): readonly (EcrPlan | EcrPublicPlan)[] {
  const { variant } = settings;
  const general = identityOf(settings, info);
  const hosts = hostsOf(settings);
  const has = (name: string): boolean => hosts.some((host) => variantOfHost(host) === name);
  const asksFor = (name: 'ecr' | 'ecr-public'): boolean => variant.name === name && !variant.soft;
  const plans: (EcrPlan | EcrPublicPlan)[] = loginsPlan(settings).awsLogins.map((login) => ofLogin(login, general));
  if (asksFor('ecr') || has('ecr')) plans.push(privatePlan(settings, { ...general, soft: !asksFor('ecr') }));
  if (asksFor('ecr-public') || has('ecr-public')) {
    const repositories = repositorySettings(settings);
    plans.push({ ...general, variant: 'ecr-public', soft: !asksFor('ecr-public'), region: publicRegion, repositories });
  }
  return plans;
}

function hostsOf(settings: Settings): readonly string[] {
  return [
    settings.values.registry.host,
    ...placedRepositories(settings).map(({ domain }) => domain),
    ...settings.extraTags.map(({ repository }) => repository.domain),
  ];
}

function privatePlan(settings: Settings, identity: AwsIdentityPlan): EcrPlan {
  const { values, dryRun } = settings;
  const isAnonymous = placedRepositories(settings).some(({ domain }) => domain === unnamedRegistry);
  return {
    ...identity,
    variant: 'ecr',
    // Nobody but who asked for ECR gets its logins at a host of another name.
    ...(identity.soft || values.registry.written === '' ? {} : { registry: values.registry.host }),
    needsRegistry: isAnonymous && !dryRun,
    ...(values.registry_ids === undefined ? {} : { registryId: values.registry_ids }),
    repositories: repositorySettings(settings),
  };
}

/** An entry without keys speaks for whom the step does. */
function ofLogin(login: AwsLoginPlan, general: AwsIdentityPlan): EcrPlan | EcrPublicPlan {
  const { registry, accessKeyId, secretAccessKey } = login;
  const ownKeys =
    accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
  const region = login.region ?? readEcrHost(registry)?.region ?? general.region;
  const identity = ownKeys === undefined ? general : { region, keys: ownKeys };
  const repositories = { create: false };
  if (registry === ecrPublicHost)
    return { ...identity, variant: 'ecr-public', soft: false, region: publicRegion, repositories };
  return { ...identity, variant: 'ecr', soft: false, region, onlyHost: registry, needsRegistry: false, repositories };
}

function identityOf(settings: Settings, info: BuildInfo): AwsIdentityPlan {
  const keys = keysOf(settings);
  const role = roleOf(settings, info);
  return {
    soft: true,
    region: regionOf(settings),
    ...(keys === undefined ? {} : { keys }),
    ...(role === undefined ? {} : { role }),
  };
}

/** The setting, then the host of the registry, then what the machine says. */
function regionOf(settings: Settings): string {
  const { region } = settings.values;
  const ofHost = hostsOf(settings).map((host) => readEcrHost(host)?.region);
  const named = region?.isOfMachine === false ? region.name : ofHost.find((name) => name !== undefined);
  return named ?? region?.name ?? defaultRegion;
}

function keysOf({ values }: Settings): AwsKeys | undefined {
  const { access_key: accessKeyId, secret_key: secretAccessKey, session_token: sessionToken } = values;
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  // A permanent key has no session; a token that is left over from another step would break it.
  if (sessionToken === undefined || accessKeyId.startsWith('AKIA')) return { accessKeyId, secretAccessKey };
  return { accessKeyId, secretAccessKey, sessionToken };
}

function roleOf({ values }: Settings, info: BuildInfo): AwsRole | undefined {
  const { assume_role: arn, external_id: externalId, oidc_token_id: webIdentityToken } = values;
  if (arn === undefined) return undefined;
  const shared = { arn, sessionName: sessionName(info) };
  if (webIdentityToken !== undefined) return { ...shared, webIdentityToken };
  return externalId === undefined ? shared : { ...shared, externalId };
}

/** AWS allows 64 characters. */
const maxSessionName = 64;

/** `docker-build-<repository>-<number>`: what the account's audit log shows. The number is never cut off. */
function sessionName({ repository, number }: BuildInfo): string {
  const legal = (text: string): string => text.replace(/[^\w+=,.@-]+/g, '-');
  const end = number === '' ? '' : `-${legal(number).slice(0, 16)}`;
  const start = ['docker-build', ...(repository === '' ? [] : [legal(repository)])].join('-');
  return `${start.slice(0, maxSessionName - end.length)}${end}`;
}

function repositorySettings({ values, policies }: Settings): RepositorySettings {
  const { scan_on_push: scanOnPush, tag_mutability: mutability } = values;
  return {
    create: values.create_repository,
    ...(scanOnPush === undefined ? {} : { scanOnPush }),
    ...(mutability === undefined ? {} : { tagMutability: mutability === 'mutable' ? 'MUTABLE' : 'IMMUTABLE' }),
    ...(policies.lifecycle === undefined ? {} : { lifecyclePolicy: policies.lifecycle }),
    ...(policies.repository === undefined ? {} : { repositoryPolicy: policies.repository }),
  };
}
