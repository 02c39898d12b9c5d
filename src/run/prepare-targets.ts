// Chapter: the repositories that are published to. Those that a cloud has to make are made, and all are asked for permission.
import { checkPushAccess } from '../publish/check-push-access.ts';
import type { Registries } from './open-registries.ts';

/** Throws PluginError: 3 without the right to push. */
export async function prepareTargets({ targets, clouds }: Registries, signal: AbortSignal): Promise<void> {
  const addresses = targets.map(({ address }) => address);
  await clouds.prepareRepositories(addresses, signal);
  await checkPushAccess(targets, signal);
}
