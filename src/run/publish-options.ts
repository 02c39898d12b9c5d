// What publishing is told in every chapter that publishes: targets, rules, limits, and who is told how far it is.
import type { Plan } from '../plan/plan.ts';
import { noTagRules } from '../publish/immutable-tags.ts';
import { UploadProgress } from '../report/upload-progress.ts';
import type { Registries } from './open-registries.ts';
import type { Tools } from './tools.ts';

/** The options that do not depend on where the image is. */
export function publishOptions(plan: Plan, { targets, retrier }: Registries, { world, log }: Tools) {
  const uploads = new UploadProgress((line) => log.info(line), world.monotonicMs);
  const { temporaryDirectory } = world;
  const onLayer = uploads.update.bind(uploads);
  return { ...plan.upload, targets, retrier, rules: plan.publish ?? noTagRules, temporaryDirectory, log, onLayer };
}
