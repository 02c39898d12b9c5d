// Chapter: logins that a cloud gives out. A cloud's client is loaded here and nowhere else, and only when the step is for it.
import type { CredentialSource } from '../base/credentials.ts';
import { proxyRule } from '../base/proxy.ts';
import { givenLogins } from '../credentials/settings.ts';
import type { CloudPlan } from '../plan/cloud-plan.ts';
import type { Plan } from '../plan/plan.ts';
import { openAzure, openGoogle } from './open-token-cloud.ts';
import type { Tools } from './tools.ts';

/** A repository that is published to. */
export interface RepositoryName {
  /** `host[:port]`. */
  readonly domain: string;
  readonly path: string;
}

/** One cloud, as its client in credentials/ makes it. */
export interface OpenedCloud {
  readonly providers: readonly CredentialSource[];
  /** Makes what publishing needs, where the settings ask for it. Throws PluginError. */
  prepareRepositories?(repositories: readonly RepositoryName[], signal: AbortSignal): Promise<void>;
  /** Host of the registry, where the settings leave that to the cloud. */
  readonly registry?: string;
  /** Page of the registry in the cloud's portal. */
  readonly portalUrl?: string;
}

/** All clouds of a step. */
export interface Clouds {
  /** In front of logins from config files. */
  readonly providers: readonly CredentialSource[];
  /** Behind all of them: nobody asked for this cloud, only a host is there. */
  readonly softProviders: readonly CredentialSource[];
  /** In the order of the plan. Throws PluginError. */
  prepareRepositories(repositories: readonly RepositoryName[], signal: AbortSignal): Promise<void>;
  readonly registry?: string;
  readonly portalUrl?: string;
}

/** Opens the clouds of the plan; most steps have none. Throws PluginError (exit 3) when a cloud refuses. */
export async function openClouds(plan: Plan, tools: Tools): Promise<Clouds> {
  const opened = await Promise.all(
    plan.clouds.map(async (cloud) => ({ soft: cloud.soft, cloud: await openCloud(cloud, plan, tools) })),
  );
  const registry = opened.map(({ cloud }) => cloud.registry).find((host) => host !== undefined);
  const portalUrl = opened.map(({ cloud }) => cloud.portalUrl).find((url) => url !== undefined);
  return {
    providers: opened.flatMap(({ soft, cloud }) => (soft ? [] : cloud.providers)),
    softProviders: opened.flatMap(({ soft, cloud }) => (soft ? cloud.providers : [])),
    async prepareRepositories(repositories, signal) {
      for (const { cloud } of opened) await cloud.prepareRepositories?.(repositories, signal);
    },
    ...(registry === undefined ? {} : { registry }),
    ...(portalUrl === undefined ? {} : { portalUrl }),
  };
}

async function openCloud(cloud: CloudPlan, plan: Plan, tools: Tools): Promise<OpenedCloud> {
  const { world, log, redact } = tools;
  const { signal, now } = world;
  const { caCertificates, proxies } = plan.registries;
  const aws = { redact, log, now, signal, caCertificates, proxyFor: proxyRule(proxies) };
  switch (cloud.variant) {
    case 'ecr': {
      const { openEcr } = await import('../credentials/ecr.ts');
      return openEcr(cloud, aws);
    }
    case 'ecr-public': {
      const { openEcrPublic } = await import('../credentials/ecr-public.ts');
      return openEcrPublic(cloud, aws);
    }
    case 'gcr':
    case 'gar':
      return openGoogle(cloud, plan, tools);
    case 'acr':
      return openAzure(cloud, plan, tools);
    case 'heroku':
      return { providers: [givenLogins([cloud.login])] };
  }
}
