// Chapter: the image goes to every target, tags last.
import type { BuiltImage } from '../build/build-image.ts';
import type { Plan } from '../plan/plan.ts';
import { noTagRules } from '../publish/immutable-tags.ts';
import { publishImage } from '../publish/publish-image.ts';
import { scanImage } from '../publish/scan-image.ts';
import type { Manifest, Published } from '../publish/target.ts';
import { UploadProgress } from '../report/upload-progress.ts';
import type { Daemon } from './connect-daemon.ts';
import type { Registries } from './open-registries.ts';
import type { Tools } from './tools.ts';

/** Publishes; undefined when there is nothing to publish. Throws PluginError, whose details tell each tag's state. */
export async function publish(
  image: BuiltImage,
  plan: Plan,
  { engine }: Daemon,
  { targets }: Registries,
  { world, log, phases, holdsSecret }: Tools,
): Promise<Published | undefined> {
  if (image.kind === 'cached') return undefined;
  phases.start('publish');
  const uploads = new UploadProgress((line) => log.info(line), world.monotonicMs);
  const { temporaryDirectory, signal } = world;
  const onLayer = uploads.update.bind(uploads);
  const rules = plan.publish ?? noTagRules;
  const mode = plan.secretScan;
  const repository = targets[0]?.repository;
  const beforeTags =
    mode === 'off' || repository === undefined
      ? undefined
      : (manifest: Manifest) => scanImage(manifest, { repository, holdsSecret, mode, log }, signal);
  const work = { ...plan.upload, engine, targets, rules, temporaryDirectory, log, onLayer, beforeTags };
  const published = await publishImage(image, work, signal);
  for (const step of plan.nextSteps) log.info(step);
  return published;
}
