// What a step may ask ECR to do with a repository before it is pushed to: make it, and set how it scans, ages and shares its
// images. Only what is asked for is touched: whoever runs the account may have set the rest by hand.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
import {
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  type ECRClient,
  PutImageScanningConfigurationCommand,
  PutLifecyclePolicyCommand,
  RepositoryAlreadyExistsException,
  SetRepositoryPolicyCommand,
} from '@aws-sdk/client-ecr';
import type { Log } from '../base/log.ts';
import { awsFailure } from './aws-failure.ts';

/** What becomes of repositories. */
export interface RepositorySettings {
  readonly create: boolean;
  readonly scanOnPush?: boolean;
  readonly tagMutability?: 'MUTABLE' | 'IMMUTABLE';
  /** JSON. */
  readonly lifecyclePolicy?: string;
  /** JSON. */
  readonly repositoryPolicy?: string;
}

/** A repository in ECR's terms. */
export interface EcrRepository {
  readonly name: string;
  /** Twelve digits; undefined for the caller's own. */
  readonly account: string | undefined;
}

/** One repository and whom to ask about it. */
interface Task {
  readonly client: ECRClient;
  readonly name: string;
  readonly place: { readonly repositoryName: string; readonly registryId?: string };
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Makes the repository what the settings say. Throws PluginError (exit 3). */
export async function prepareRepository(
  client: ECRClient,
  { name, account }: EcrRepository,
  settings: RepositorySettings,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const place = { repositoryName: name, ...(account === undefined ? {} : { registryId: account }) };
  const task = { client, name, place, log, signal };
  const { lifecyclePolicy: lifecyclePolicyText, repositoryPolicy: policyText } = settings;
  if (settings.create && !(await createIfMissing(task, settings))) await adjustExisting(task, settings);
  if (lifecyclePolicyText !== undefined) {
    const command = new PutLifecyclePolicyCommand({ ...place, lifecyclePolicyText });
    const call = client.send(command, { abortSignal: signal });
    await ask(task, 'set the lifecycle policy of', 'ecr:PutLifecyclePolicy', call);
  }
  if (policyText !== undefined) {
    const call = client.send(new SetRepositoryPolicyCommand({ ...place, policyText }), { abortSignal: signal });
    await ask(task, 'set the policy of', 'ecr:SetRepositoryPolicy', call);
  }
}

async function ask<T>({ name, signal }: Task, what: string, permission: string, call: Promise<T>): Promise<T> {
  return call.catch((error: unknown) => {
    signal.throwIfAborted();
    throw awsFailure({ what: `${what} ${name}`, whenDenied: `the identity needs the permission ${permission}` }, error);
  });
}

/** @returns whether it was made; false when it was there */
async function createIfMissing(task: Task, { scanOnPush, tagMutability }: RepositorySettings): Promise<boolean> {
  const command = new CreateRepositoryCommand({
    ...task.place,
    ...(scanOnPush === undefined ? {} : { imageScanningConfiguration: { scanOnPush } }),
    ...(tagMutability === undefined ? {} : { imageTagMutability: tagMutability }),
  });
  const call = task.client.send(command, { abortSignal: task.signal }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof RepositoryAlreadyExistsException) return false;
      throw error;
    },
  );
  const isNew = await ask(task, 'create repository', 'ecr:CreateRepository', call);
  if (isNew) task.log.info(`created repository ${task.name} in ECR`);
  return isNew;
}

async function adjustExisting(task: Task, { scanOnPush, tagMutability }: RepositorySettings): Promise<void> {
  const { client, name, place, log, signal } = task;
  if (scanOnPush !== undefined) {
    const command = new PutImageScanningConfigurationCommand({ ...place, imageScanningConfiguration: { scanOnPush } });
    const call = client.send(command, { abortSignal: signal });
    await ask(task, 'set scan_on_push of', 'ecr:PutImageScanningConfiguration', call);
  }
  if (tagMutability === undefined) return;
  const { repositoryName, ...registry } = place;
  const command = new DescribeRepositoriesCommand({ repositoryNames: [repositoryName], ...registry });
  const call = client.send(command, { abortSignal: signal });
  const { repositories } = await ask(task, 'look at repository', 'ecr:DescribeRepositories', call);
  const existing = repositories?.[0]?.imageTagMutability;
  if (existing === undefined || existing === tagMutability) return;
  const kept = `tags of ${name} are ${existing.toLowerCase()} in ECR and stay so`;
  log.warn(`${kept}; tag_mutability counts when a repository is created`);
}
