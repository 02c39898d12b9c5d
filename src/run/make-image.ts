// Chapter: the build. What has to exist on the daemon has a temporary name, which is in the ledger before it exists.
import { buildImage, fromCache, type BuiltImage, type PreparedBuild } from '../build/build-image.ts';
import { chooseOutput, untoldTrust } from '../build/choose-output.ts';
import type { ExtraExporter } from '../build/exported-files.ts';
import { pinNamedImages } from '../build/pin-image.ts';
import { cacheGrants, registryAuthority } from '../build/registry-authority.ts';
import { removeTemporaryImage } from '../engine/temporary-images.ts';
import type { Plan } from '../plan/plan.ts';
import { temporaryName } from '../plan/temporary-name.ts';
import type { Daemon } from './connect-daemon.ts';
import { localImageExporter, nameLocalImage, openLocalImage, type LocalImage } from './keep-image.ts';
import type { Registries } from './open-registries.ts';
import type { Tools } from './tools.ts';
import { watchBuild } from './watch-build.ts';
import { finishOutputs, openOutputs } from './write-outputs.ts';

/** The image, and its name on the daemon when it is to stay there. */
export type MadeImage = BuiltImage & { readonly localImage?: LocalImage };

/** Builds, and writes the outputs. Throws BuildFailure, another PluginError, or the reason of the run's signal. */
export async function makeImage(
  plan: Plan,
  prepared: PreparedBuild,
  daemon: Daemon,
  { client, credentials, targets }: Registries,
  tools: Tools,
): Promise<MadeImage> {
  const { world, log, ledger } = tools;
  const { engine, builder, order } = daemon;
  const { exporterAttrs } = order;
  const startSeconds = Math.floor(world.now().getTime() / 1000);
  const temporary = temporaryName({ ...plan.build, startSeconds, random: world.randomHex(16) });
  const repositories = targets.map(({ address }) => address);
  const outputs = openOutputs(plan, daemon, tools);
  const local = openLocalImage(plan, daemon, tools);
  const needsImage = outputs.saved.length > 0 || local !== undefined;
  const output = chooseOutput({ ...plan.registries, ...builder, repositories, needsImage, temporaryName: temporary });
  for (const warning of untoldTrust(output, plan.registries.hostTrust)) log.warn(warning);
  let mayStillCome = true;
  const stays = output.kind === 'temporary-image' && plan.build.keepsTemporaryImage;
  if (output.kind === 'temporary-image' && !stays)
    ledger.enter(temporary, () => removeTemporaryImage(engine, temporary, { mayStillCome }));
  const pushedTo = output.kind === 'push-by-digest' ? repositories : [];
  const tokens = registryAuthority(client, credentials, [...pushedTo, ...cacheGrants(order.cacheTo)]);
  const building = { builder, tokens, log, onEnded: () => (mayStillCome = false) };
  const extras = [
    ...outputs.exported.map((each) => each.exporter(exporterAttrs)),
    ...localImageExporter(local, daemon),
  ];
  const pinned = await pinNamedImages({ ...prepared, order }, async (image) => {
    const head = await client.repository(image).headManifest(image.tag ?? 'latest', world.signal);
    return head?.digest;
  });
  const watch = watchBuild(plan, tools);
  const watched = { ...building, output, extras, onStatus: watch.onStatus };
  let image: BuiltImage;
  try {
    image = await buildImage(pinned, watched, world.signal);
  } finally {
    await watch.end();
  }
  // The steps are those of the first time: they are neither shown nor counted again.
  const unwatched = { ...building, output: { kind: 'nothing' as const }, onStatus: () => undefined };
  const again = (more: readonly ExtraExporter[]) =>
    buildImage(fromCache(pinned), { ...unwatched, extras: more }, world.signal);
  await finishOutputs(outputs, image, engine, exporterAttrs, again, tools);
  if (local !== undefined) await nameLocalImage(local, image, daemon, again, world.signal);
  if (stays) log.info(`purge: false left ${temporary} on the daemon; docker rmi ${temporary} removes it there`);
  // In a dry run the temporary name served the outputs alone.
  const made: BuiltImage = targets.length === 0 ? { kind: 'cached' } : image;
  return local === undefined ? made : { ...made, localImage: local };
}
