// Chapter: the logins that the step was given, one client for all registries, and the repositories to publish to.
import type { CredentialSource } from '../base/credentials.ts';
import { defaultRetryLimits, Retrier, systemClock } from '../base/retry.ts';
import { findCredentials } from '../credentials/find-credentials.ts';
import type { PublishTargetPlan } from '../plan/destination-plan.ts';
import type { Plan } from '../plan/plan.ts';
import type { RegistryClient } from '../registry/registry-client.ts';
import type { Repository } from '../registry/repository.ts';
import type { Clouds } from './open-cloud.ts';
import { outgoing } from './outgoing.ts';
import type { Tools } from './tools.ts';

/** A repository to publish to, with its tags. */
export interface Target {
  /** As parsed: `domain`, `path`. */
  readonly address: PublishTargetPlan['repository'];
  readonly repository: Repository;
  readonly tags: readonly string[];
}

export interface Registries {
  readonly client: RegistryClient;
  readonly credentials: CredentialSource;
  /** Empty when nothing is published. */
  readonly targets: readonly Target[];
  readonly clouds: Clouds;
  /** The run's patience with others, which everything that is tried again shares. */
  readonly retrier: Retrier;
}

/** Opens what publishing needs; nothing is asked of a registry yet. Connections and half uploads end with the ledger. */
export async function openRegistries(plan: Plan, clouds: Clouds, tools: Tools): Promise<Registries> {
  const { log, redact, ledger } = tools;
  const credentials = findCredentials({ ...plan.registries, ...clouds }, { log, redact });
  // Its HTTP client is most of the program's size: a step with wrong settings ends before that is loaded.
  const { RegistryClient } = await import('../registry/registry-client.ts');
  const { timeLimitsFor } = await import('../registry/time-limits.ts');
  const attempts = plan.upload.retries + 1;
  const retrier = new Retrier({ ...defaultRetryLimits, attempts }, systemClock, log);
  const client = new RegistryClient({
    ...plan.registries,
    ...plan.upload,
    ...outgoing(plan, tools),
    credentials,
    retrier,
    limits: { attempts, ...timeLimitsFor(plan.upload.requestTimeoutMs) },
    log,
    redact,
  });
  ledger.enter(undefined, () => client.close());
  const targets = (plan.publish?.targets ?? []).map(({ repository, tags }) => ({
    address: repository,
    repository: client.repository(repository, 'push'),
    tags,
  }));
  for (const { repository } of targets) ledger.enter(undefined, () => repository.abandonUploads());
  return { client, credentials, targets, clouds, retrier };
}
