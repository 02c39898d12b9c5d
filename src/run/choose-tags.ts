// Chapter: which of the wanted tags are published, where that depends on what the repositories hold already.
import { forwardTags } from '../plan/forward-tags.ts';
import type { Plan } from '../plan/plan.ts';
import { describeSkipped, narrowTargets, type SkippedTag } from '../publish/narrow-targets.ts';
import type { Registries } from './open-registries.ts';
import type { Tools } from './tools.ts';

/** What is left to publish, and what was left alone. */
export interface ChosenTags {
  readonly registries: Registries;
  readonly skipped: readonly SkippedTag[];
  /** There is nothing to do, in words; undefined when there is. */
  readonly nothingToDo: string | undefined;
}

/** Asks the repositories where the plan says so. Throws RegistryError. */
export async function chooseTags(
  { publish }: Plan,
  registries: Registries,
  { world, log }: Tools,
): Promise<ChosenTags> {
  const { skipExisting = false, forwardOnly } = publish ?? {};
  if (!skipExisting && forwardOnly === undefined) return { registries, skipped: [], nothingToDo: undefined };
  const forward =
    forwardOnly === undefined
      ? {}
      : { forward: (tags: readonly string[], existing: readonly string[]) => forwardTags(tags, forwardOnly, existing) };
  const { targets, skipped } = await narrowTargets(registries.targets, { skipExisting, ...forward }, world.signal);
  for (const tag of skipped) log.info(describeSkipped(tag));
  const nothingToDo = targets.length > 0 ? undefined : 'nothing to do: every tag is left alone';
  return { registries: { ...registries, targets }, skipped, nothingToDo };
}
