// Chapter: the image goes to every target, tags last.
import type { BuiltImage } from '../build/build-image.ts';
import type { Plan } from '../plan/plan.ts';
import { publishImage } from '../publish/publish-image.ts';
import type { Manifest, Published } from '../publish/target.ts';
import type { Daemon } from './connect-daemon.ts';
import type { Registries } from './open-registries.ts';
import { publishOptions } from './publish-options.ts';
import { secretScan } from './scan-secrets.ts';
import type { Tools } from './tools.ts';

/** Publishes; undefined when there is nothing to publish. Throws PluginError, whose details tell each tag's state. */
export async function publish(
  image: BuiltImage,
  plan: Plan,
  { engine }: Daemon,
  registries: Registries,
  tools: Tools,
): Promise<Published | undefined> {
  if (image.kind === 'cached') return undefined;
  const { signal } = tools.world;
  tools.phases.start('publish');
  const scan = secretScan(plan, tools);
  const repository = registries.targets[0]?.repository;
  const beforeTags =
    scan === undefined || repository === undefined
      ? undefined
      : (manifest: Manifest) => scan(manifest, repository, signal);
  return publishImage(image, { ...publishOptions(plan, registries, tools), engine, beforeTags }, signal);
}
