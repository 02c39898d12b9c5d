// The AWS side of a step: which account answers, with which identity, from the settings.
import { readEcrHost, variantOfHost } from '../base/registry-variant.ts';
import type { Settings } from '../settings/settings.ts';
import { placedRepositories, unnamedRegistry } from './variant.ts';

/** AWS as a source of logins. */
export interface EcrPlan {
  readonly variant: 'ecr';
  /** Only what the machine has at hand is tried, and without it nobody logs in. */
  readonly soft: boolean;
  /** Of the registry, and of every call that is not about another host. */
  readonly region: string;
  /** Host that gets logins of `region` whatever its name says; absent when the account's own registry is meant. */
  readonly registry?: string;
  /** The settings name no registry: that of the account has to be asked for. */
  readonly needsRegistry: boolean;
  /** Absent: what the machine has. */
  readonly keys?: AwsKeys;
  /** Accounts to ask for, when not the caller's. */
  readonly registryIds: readonly string[];
}

/** Keys of an AWS identity. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const defaultRegion = 'us-east-1';

/** Empty when no host of the step is at ECR and none was asked for. */
export function ecrPlans(settings: Settings): readonly EcrPlan[] {
  const { values, variant } = settings;
  const repositories = placedRepositories(settings).map(({ domain }) => domain);
  const hosts = [
    values.registry.host,
    ...repositories,
    ...settings.extraTags.map(({ repository }) => repository.domain),
  ];
  const isChosen = variant.name === 'ecr' && !variant.soft;
  if (!isChosen && !hosts.some((host) => variantOfHost(host) === 'ecr')) return [];
  const keys = keysOf(settings);
  return [
    {
      variant: 'ecr',
      soft: !isChosen,
      region: values.region ?? regionOf(hosts) ?? defaultRegion,
      ...(values.registry.written === '' ? {} : { registry: values.registry.host }),
      needsRegistry: repositories.includes(unnamedRegistry),
      ...(keys === undefined ? {} : { keys }),
      registryIds: values.registry_ids === undefined ? [] : [values.registry_ids],
    },
  ];
}

function regionOf(hosts: readonly string[]): string | undefined {
  return hosts.map((host) => readEcrHost(host)?.region).find((region) => region !== undefined);
}

function keysOf({ values }: Settings): AwsKeys | undefined {
  const { access_key: accessKeyId, secret_key: secretAccessKey, session_token: sessionToken } = values;
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
