// Which kind of registry a step is for. It is decided before values are read, from names and hosts alone: some plain
// variables (TOKEN, CLIENT_ID) mean something in their variant only, because other steps use them for other things.
import { dockerHub, registryHost } from '../base/registry-host.ts';
import { ecrPublicHost, variantOfHost, type RegistryVariant } from '../base/registry-variant.ts';
import { addProblem, type Findings } from './findings.ts';
import type { Given } from './given.ts';
import { splitAtCommas } from './list-kinds.ts';

/** The words of `registry_type`. */
export const variantNames = [
  'docker',
  'ecr',
  'ecr-public',
  'gcr',
  'gar',
  'acr',
  'heroku',
] as const satisfies readonly RegistryVariant[];

/** The kind of registry that the step is for. */
export interface VariantChoice {
  readonly name: RegistryVariant;
  /** Completes "because of"; empty for docker. */
  readonly reason: string;
  /**
   * Only a host says so: repositories stay as written, and without a login that the machine has at hand the step goes on
   * anonymously.
   */
  readonly soft: boolean;
}

/** All texts that were offered for a setting, in the order of its names. */
export type Offered = ReadonlyMap<string, readonly Given[]>;

/** Settings that only one variant has. Other names of them (`aws_access_key_id`) are Woodpecker's and choose nothing. */
const ownSettings: readonly OwnSettings[] = [
  {
    group: 'ecr',
    names: [
      'access_key',
      'secret_key',
      'assume_role',
      'lifecycle_policy',
      'repository_policy',
      'create_repository',
      'scan_on_push',
    ],
  },
  { group: 'heroku', names: ['app', 'api_key', 'process_type'] },
  {
    group: 'acr',
    names: [
      'client_id',
      'client_secret',
      'client_certificate',
      'tenant_id',
      'service_principal_client_id',
      'service_principal_client_secret',
    ],
  },
  { group: 'gar', names: ['location'] },
  {
    group: 'google',
    names: ['json_key', 'workload_identity', 'project_number', 'pool_id', 'provider_id', 'service_account_email'],
  },
];

interface OwnSettings {
  readonly group: Group;
  readonly names: readonly string[];
}

type Group = 'ecr' | 'heroku' | 'acr' | 'gar' | 'google';

/** The one plain variable that chooses: drone-acr has no setting for it. */
const choosingVariable = 'SERVICE_PRINCIPAL_CLIENT_ID';

/** Chooses by registry_type, by settings of one variant only, by hosts. Settings of two variants are a problem. */
export function chooseVariant(offered: Offered, findings: Findings): VariantChoice {
  const hosts = hostsOf(offered);
  return byName(offered, hosts) ?? bySettings(offered, hosts, findings) ?? byHost(hosts) ?? dockerVariant;
}

const dockerVariant: VariantChoice = { name: 'docker', reason: '', soft: false };

interface NamedHost {
  readonly host: string;
  readonly setting: 'registry' | 'repo';
}

/** The hosts that the step names, that of `registry` first. A text that is no host is judged by its own reader. */
function hostsOf(offered: Offered): readonly NamedHost[] {
  const [registry] = offered.get('registry') ?? [];
  const [repo] = offered.get('repo') ?? [];
  return [
    ...(registry === undefined ? [] : [{ host: registryHost(registry.text.trim()), setting: 'registry' as const }]),
    ...splitAtCommas((repo?.text ?? '').replace(/["[\]\s]/g, (character) => (character === '\n' ? '\n' : '')))
      .filter((name) => name.includes('/'))
      .map((name) => ({ host: registryHost(name), setting: 'repo' as const })),
  ].filter(({ host }) => host !== dockerHub.domain);
}

function byName(offered: Offered, hosts: readonly NamedHost[]): VariantChoice | undefined {
  const [given] = offered.get('registry_type') ?? [];
  const name = variantNames.find((variant) => variant === given?.text.trim().toLowerCase());
  if (given === undefined || name === undefined) return undefined;
  const reason = given.from === 'DOCKER_BUILD_PROVIDER' ? 'the image (DOCKER_BUILD_PROVIDER)' : 'registry_type';
  return name === 'docker' ? dockerVariant : { name: ofHost(name, hosts), reason, soft: false };
}

function bySettings(offered: Offered, hosts: readonly NamedHost[], findings: Findings): VariantChoice | undefined {
  const found = ownSettings
    .map(({ group, names }) => ({ group, names: names.filter((name) => isOwn(name, offered)) }))
    .filter(({ names }) => names.length > 0);
  const isAzure = hosts.some(({ host }) => variantOfHost(host) === 'acr');
  // Kaniko's plugin for ACR takes create_repository too.
  const groups = mergeGoogle(found).filter(({ group }) => !(isAzure && group === 'ecr'));
  const [first, second] = groups;
  if (first === undefined) return undefined;
  if (second !== undefined) {
    addProblem(findings, 'registry_type', {
      wrong: `${first.names.join(', ')} ${first.names.length === 1 ? 'belongs' : 'belong'} to ${nameOf(first.group, hosts)}, and ${second.names.join(', ')} to ${nameOf(second.group, hosts)}`,
      right: 'must be set to one of them, or the settings of the other be left out',
    });
  }
  return { name: nameOf(first.group, hosts), reason: `the settings ${first.names.join(', ')}`, soft: false };
}

/** `location` belongs to GAR and goes together with the logins that it shares with GCR. */
function mergeGoogle(found: readonly OwnSettings[]): readonly OwnSettings[] {
  const gar = found.find(({ group }) => group === 'gar');
  const google = found.find(({ group }) => group === 'google');
  if (gar === undefined || google === undefined) return found;
  const others = found.filter((one) => one !== gar && one !== google);
  return [...others, { group: 'gar', names: [...gar.names, ...google.names] }];
}

function isOwn(setting: string, offered: Offered): boolean {
  const variable = `PLUGIN_${setting.toUpperCase()}`;
  return (offered.get(setting) ?? []).some(
    ({ from }) => from === variable || from === choosingVariable || from.startsWith('--'),
  );
}

function nameOf(group: Group, hosts: readonly NamedHost[]): RegistryVariant {
  if (group !== 'google') return ofHost(group, hosts);
  return hosts.some(({ host }) => variantOfHost(host) === 'gar') ? 'gar' : 'gcr';
}

/** ECR has two kinds, which share their settings; the host of the registry, else of the first repository, tells. */
function ofHost(variant: RegistryVariant, hosts: readonly NamedHost[]): RegistryVariant {
  return variant === 'ecr' && hosts[0]?.host === ecrPublicHost ? 'ecr-public' : variant;
}

function byHost(hosts: readonly NamedHost[]): VariantChoice | undefined {
  for (const { host, setting } of hosts) {
    const name = variantOfHost(host);
    if (name !== undefined) return { name, reason: `the host of ${setting} (${host})`, soft: true };
  }
  return undefined;
}
