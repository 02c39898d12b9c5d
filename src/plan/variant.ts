// What the kind of registry means for a step: where repositories are, which registry the login is for, and how reports name
// it. The choice itself is made while settings are read (src/settings/variant.ts).
import { parseReference, type Reference } from '../base/reference.ts';
import { dockerHub } from '../base/registry-host.ts';
import { ecrPublicHost, type RegistryVariant, variantOfHost } from '../base/registry-variant.ts';
import type { Settings } from '../settings/settings.ts';
import { herokuRegistry, herokuRepository } from './heroku-plan.ts';

/** The registry as reports name it. */
export interface RegistryFacts {
  readonly registryType: 'Docker' | 'ECR' | 'GCR' | 'GAR' | 'ACR';
  readonly registryUrl: string;
  /** Page of an Azure registry, when the cloud has told it. */
  readonly portalUrl?: string;
}

/** The address that repositories get in front. */
interface Prefix {
  readonly host: string;
  /** Empty, or without slashes at its ends. */
  readonly path: string;
}

/**
 * Stands for the registry of the account that the cloud will name when it is asked. The domain can never exist: a place
 * that forgets to replace it reaches nobody.
 */
export const unnamedRegistry = 'registry-of-the-account.invalid';

/** The repositories to publish to, with the registry in front where the kind of registry wants it. */
export function placedRepositories(settings: Settings): readonly Reference[] {
  const { values, variant } = settings;
  if (variant.name === 'heroku' && !variant.soft)
    return [herokuRepository(settings)].filter((one) => one !== undefined);
  return (values.repo ?? []).map((repository) => placeRepository(settings, repository));
}

/** A repository, with the registry in front where the kind of registry wants it. */
export function placeRepository(settings: Settings, repository: WrittenRepository): Reference {
  const prefix = prefixOf(settings);
  if (prefix === undefined) return repository;
  const { name, soft } = settings.variant;
  const isPlaced = soft || name === 'docker' ? hasHost(repository.written) : isAt(repository, prefix);
  return isPlaced ? repository : placeAt(repository.written, prefix);
}

type WrittenRepository = Reference & { readonly written: string };

/** The host that `username` and `password` belong to. */
export function loginHost(settings: Settings): string {
  const { values, variant } = settings;
  if (variant.name === 'heroku' && !variant.soft) return herokuRegistry;
  if (values.registry.written !== '') return values.registry.host;
  const first = values.repo?.[0];
  const isElsewhere = first !== undefined && variantOfHost(first.domain) !== undefined && !variant.soft;
  return isElsewhere ? first.domain : (prefixOf(settings)?.host ?? values.registry.host);
}

/**
 * The registries that get the login of a cloud: those that the step publishes to or copies from, and those that a docker
 * config leaves to a credential program. Never Docker Hub.
 */
export function cloudHosts(settings: Settings, belongs: (variant: RegistryVariant) => boolean): readonly string[] {
  const { values, variant } = settings;
  const repositories = placedRepositories(settings).map(({ domain }) => domain);
  const further = settings.extraTags.map(({ repository }) => repository.domain);
  const source = values.source_image?.kind === 'name' ? [values.source_image.reference.domain] : [];
  const helped = settings.dockerConfigs.flatMap(({ helperHosts = [] }) => helperHosts.map(({ host }) => host));
  const named = [values.registry.host, ...repositories, ...further, ...source, ...helped].filter((host) =>
    belongs(variantOfHost(host) ?? 'docker'),
  );
  if (variant.soft || !belongs(variant.name)) return [...new Set(named)];
  // A registry may be behind a name of its own.
  const own = values.registry.written === '' ? repositories : [values.registry.host];
  return [...new Set([...own, ...named])].filter((host) => host !== dockerHub.domain);
}

/** How reports name the registry. */
export function registryFacts(settings: Settings): RegistryFacts {
  const { values, variant } = settings;
  // Heroku has one registry, whatever the settings say.
  const written = variant.name === 'heroku' && !variant.soft ? '' : values.registry.written;
  return {
    registryType: registryTypes[variant.name],
    registryUrl: values.artifact_registry ?? values.daemon_registry ?? (written || defaultUrl(settings)),
  };
}

/** One line about the kind of registry, none for an ordinary one; and what plugins/ecr did otherwise. */
export function variantNotes({ variant, values, tags }: Settings): readonly string[] {
  if (variant.name === 'docker') return [];
  const several = values.auto_tag || tags.list.length > 1;
  const skips = variant.name.startsWith('ecr') && values.skip_push_if_tag_exists && several;
  return [
    `registry type ${variant.name}, because of ${variant.reason}`,
    ...(skips
      ? ['skip_push_if_tag_exists judges each tag by itself: missing tags are published when others exist']
      : []),
  ];
}

const registryTypes: Readonly<Record<RegistryVariant, RegistryFacts['registryType']>> = {
  docker: 'Docker',
  ecr: 'ECR',
  'ecr-public': 'ECR',
  gcr: 'GCR',
  gar: 'GAR',
  acr: 'ACR',
  heroku: 'Docker',
};

function defaultUrl(settings: Settings): string {
  const host = loginHost(settings);
  return host === dockerHub.domain ? 'https://index.docker.io/v1/' : host;
}

/** Undefined: repositories stay as written. */
function prefixOf({ values, variant }: Settings): Prefix | undefined {
  const { host, path, written } = values.registry;
  // A host alone chose the variant: only its own registry goes in front, and only of names without a host.
  if (variant.soft) return variantOfHost(host) === undefined ? undefined : { host, path };
  if (variant.name === 'docker') return values.expand_repo && host !== dockerHub.domain ? { host, path } : undefined;
  if (written !== '') return { host, path };
  return defaultPrefix(variant.name, values.location);
}

function defaultPrefix(variant: RegistryVariant, location: string | undefined): Prefix | undefined {
  switch (variant) {
    case 'docker':
    case 'acr':
    case 'heroku':
      return undefined;
    case 'ecr':
      return { host: unnamedRegistry, path: '' };
    case 'ecr-public':
      return { host: ecrPublicHost, path: '' };
    case 'gcr':
      return { host: 'gcr.io', path: '' };
    case 'gar':
      return location === undefined ? undefined : { host: `${location}-docker.pkg.dev`, path: '' };
  }
}

/** At the registry already, or at the registry of a cloud, which has a login of its own. */
function isAt({ domain, written }: { readonly domain: string; readonly written: string }, prefix: Prefix): boolean {
  if (!hasHost(written)) return false;
  return domain === prefix.host || variantOfHost(domain) !== undefined;
}

function hasHost(written: string): boolean {
  const slash = written.indexOf('/');
  const first = slash < 0 ? '' : written.slice(0, slash);
  return /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
}

function placeAt(written: string, { host, path }: Prefix): Reference {
  return parseReference([host, ...(path === '' ? [] : [path]), written].join('/'));
}
