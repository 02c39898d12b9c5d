// Chapter: the build. Its outputs are complete, and so is the image, in the form in which its way to the registries begins.
import type { PreparedBuild } from '../build/build-image.ts';
import { chooseOutput, type ChosenOutput } from '../build/choose-output.ts';
import { proxyRule } from '../base/proxy.ts';
import { apiHostOf } from '../base/registry-host.ts';
import type { Plan } from '../plan/plan.ts';
import { temporaryName } from '../plan/temporary-name.ts';
import type { ImageToPublish } from '../publish/publish-image.ts';
import type { Daemon } from './connect-daemon.ts';
import { localImageExporter, nameLocalImage, openLocalImage, type LocalImage } from './keep-image.ts';
import type { Registries } from './open-registries.ts';
import { openSolver } from './solve-image.ts';
import type { Tools } from './tools.ts';
import { finishOutputs, freshExporters, openOutputs } from './write-outputs.ts';

/** The image, and its name on the daemon when it is to stay there. */
export type MadeImage = (ImageToPublish | { readonly kind: 'cached' }) & { readonly localImage?: LocalImage };

/** Builds, and writes the outputs. Throws BuildFailure, another PluginError, or the reason of the run's signal. */
export async function makeImage(
  plan: Plan,
  prepared: PreparedBuild,
  daemon: Daemon,
  registries: Registries,
  tools: Tools,
): Promise<MadeImage> {
  const { world, log } = tools;
  const { engine, order } = daemon;
  const outputs = openOutputs(plan, daemon, tools);
  const needsImage = outputs.saved.length > 0 || plan.output.load;
  const { output, notes, warnings } = chooseWay(plan, daemon, registries, needsImage, tools);
  for (const note of notes) log.info(note);
  for (const warning of warnings) log.warn(warning);
  const solver = await openSolver(plan, prepared, daemon, registries, tools);
  const local = openLocalImage(plan, daemon, tools, solver);
  const image = await solver.build(output, async () => [
    ...(await freshExporters(outputs.exported, order.exporterAttrs)),
    ...localImageExporter(local, daemon),
  ]);
  await finishOutputs(outputs, image, engine, order.exporterAttrs, solver.again, tools);
  if (local !== undefined) await nameLocalImage(local, image, daemon, solver.again, world.signal);
  // In a dry run the temporary name served the outputs alone.
  const made = registries.targets.length === 0 ? ({ kind: 'cached' } as const) : image;
  return local === undefined ? made : { ...made, localImage: local };
}

/** Which way the image leaves the daemon. Throws PluginError (exit 2) when the settings want one that it has not got. */
function chooseWay(
  { build, registries, upload }: Plan,
  { builder }: Daemon,
  { targets }: Registries,
  needsImage: boolean,
  { world }: Tools,
): ChosenOutput {
  const startSeconds = Math.floor(world.now().getTime() / 1000);
  const proxyFor = proxyRule(registries.proxies);
  return chooseOutput({
    ...registries,
    ...builder,
    pushVia: upload.pushVia,
    repositories: targets.map(({ address }) => address),
    needsImage,
    hasProxy: (host) => {
      const scheme = registries.insecureHosts.has(host) ? 'http' : 'https';
      return proxyFor(new URL(`${scheme}://${apiHostOf(host)}/`)) !== undefined;
    },
    temporaryName: temporaryName({ ...build, startSeconds, random: world.randomHex(16) }),
  });
}
