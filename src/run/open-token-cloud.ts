// Chapter: Google and Azure, which are asked for logins over our own HTTP: by the proxies and certificates of the step.
import type { AzurePlan } from '../plan/azure-plan.ts';
import type { GooglePlan } from '../plan/google-plan.ts';
import type { Plan } from '../plan/plan.ts';
import type { CloudTools } from '../credentials/cloud-tools.ts';
import { givenLogins } from '../credentials/settings.ts';
import type { OpenedCloud } from './open-cloud.ts';
import { outgoing } from './outgoing.ts';
import type { Tools } from './tools.ts';

/** Opens Google. Nothing is asked yet. */
export async function openGoogle(cloud: GooglePlan, plan: Plan, tools: Tools): Promise<OpenedCloud> {
  const { googleLogins } = await import('../credentials/google-login.ts');
  const { variant, hosts, credential, soft: isOptional } = cloud;
  return { providers: [googleLogins({ variant, hosts, credential, isOptional }, await cloudTools(plan, tools))] };
}

/** Opens Azure, which is asked at once for a portal link only. */
export async function openAzure({ hosts, login, soft }: AzurePlan, plan: Plan, tools: Tools): Promise<OpenedCloud> {
  if (login.kind === 'pair') {
    return { providers: [givenLogins(hosts.map((registry) => ({ registry, ...login })))] };
  }
  const azure = await import('../credentials/azure-login.ts');
  return azure.openAzure({ ...login, hosts, isOptional: soft }, await cloudTools(plan, tools));
}

async function cloudTools(plan: Plan, tools: Tools): Promise<CloudTools> {
  const { world, log, redact, ledger } = tools;
  const { CloudHttp } = await import('../credentials/cloud-http.ts');
  const { caCertificates, insecureHosts, unverifiedHosts } = plan.registries;
  const { proxyFor, ...same } = outgoing(plan, tools);
  const options = {
    caCertificates,
    ...same,
    // A registry may be the one that gives out its login: what holds for it holds here.
    unverifiedHosts: new Set([...insecureHosts, ...unverifiedHosts]),
    log,
    redact,
  };
  const http = new CloudHttp({ ...options, proxyFor });
  const local = new CloudHttp(options);
  for (const connections of [http, local]) ledger.enter(undefined, () => connections.close());
  return { http, local, now: world.now, signal: world.signal, log, redact };
}
