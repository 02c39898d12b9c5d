// Chapter: the image goes to every target, tags last.
import type { Plan } from '../plan/plan.ts';
import type { ImageContent, ImageSource } from '../publish/image-source.ts';
import { publishImage } from '../publish/publish-image.ts';
import type { Manifest, Published } from '../publish/target.ts';
import type { Daemon } from './connect-daemon.ts';
import { asSource } from './find-image.ts';
import type { MadeImage } from './make-image.ts';
import type { Registries } from './open-registries.ts';
import { publishOptions } from './publish-options.ts';
import { secretScan } from './scan-secrets.ts';
import type { Tools } from './tools.ts';

/** Publishes; undefined when there is nothing to publish. Throws PluginError, whose details tell each tag's state. */
export async function publish(
  image: MadeImage,
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
      : (manifest: Manifest, content: ImageContent = repository) => scan(manifest, content, signal);
  const sourceAt = (name: string): ImageSource => {
    const target = registries.targets.find((each) => each.repository.name === name);
    if (target === undefined) throw new Error(`${name} is no target`);
    return asSource(target.repository);
  };
  const options = { ...publishOptions(plan, registries, tools), engine, beforeTags, inspect: scan, sourceAt };
  return publishImage(image, options, signal);
}
