// Chapter: the build. What has to exist on the daemon has a temporary name, which is in the ledger before it exists.
import { buildImage, type BuiltImage, type PreparedBuild } from '../build/build-image.ts';
import { chooseOutput } from '../build/choose-output.ts';
import { pinNamedImages } from '../build/pin-image.ts';
import { cacheGrants, registryAuthority } from '../build/registry-authority.ts';
import { removeTemporaryImage } from '../engine/temporary-images.ts';
import type { Plan } from '../plan/plan.ts';
import { temporaryName } from '../plan/temporary-name.ts';
import type { Daemon } from './connect-daemon.ts';
import type { Registries } from './open-registries.ts';
import type { Tools } from './tools.ts';
import { watchBuild } from './watch-build.ts';

/** Builds. Throws BuildFailure, another PluginError, or the reason of the run's signal. */
export async function makeImage(
  plan: Plan,
  prepared: PreparedBuild,
  { engine, builder, order }: Daemon,
  { client, credentials, targets }: Registries,
  tools: Tools,
): Promise<BuiltImage> {
  const { world, log, ledger } = tools;
  const startSeconds = Math.floor(world.now().getTime() / 1000);
  const temporary = temporaryName({ ...plan.build, startSeconds, random: world.randomHex(16) });
  const repositories = targets.map(({ address }) => address);
  const output = chooseOutput({ ...plan.registries, ...builder, repositories, temporaryName: temporary });
  let mayStillCome = true;
  const stays = output.kind === 'temporary-image' && plan.build.keepsTemporaryImage;
  if (output.kind === 'temporary-image' && !stays)
    ledger.enter(temporary, () => removeTemporaryImage(engine, temporary, { mayStillCome }));
  const pushedTo = output.kind === 'push-by-digest' ? repositories : [];
  const tokens = registryAuthority(client, credentials, [...pushedTo, ...cacheGrants(order.cacheTo)]);
  const building = { builder, output, tokens, log, onEnded: () => (mayStillCome = false) };
  const pinned = await pinNamedImages({ ...prepared, order }, async (image) => {
    const head = await client.repository(image).headManifest(image.tag ?? 'latest', world.signal);
    return head?.digest;
  });
  const watch = watchBuild(plan, tools);
  try {
    const image = await buildImage(pinned, { ...building, onStatus: watch.onStatus }, world.signal);
    if (stays) log.info(`purge: false left ${temporary} on the daemon; docker rmi ${temporary} removes it there`);
    return image;
  } finally {
    await watch.end();
  }
}
