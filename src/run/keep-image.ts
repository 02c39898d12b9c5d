// Chapter: the image stays on the daemon for later steps (load), under a name that nobody can pull and that tells its age.
// Until the run has succeeded the name is in the ledger, like every other name.
import type { BuiltImage } from '../build/build-image.ts';
import type { ExtraExporter } from '../build/exported-files.ts';
import { hasTemporaryImage, nameTemporaryImage, removeTemporaryImage } from '../engine/temporary-images.ts';
import type { Plan } from '../plan/plan.ts';
import { keptName } from '../plan/temporary-name.ts';
import type { Daemon } from './connect-daemon.ts';
import type { Solver } from './solve-image.ts';
import type { Tools } from './tools.ts';
import type { FreshExporters } from './write-outputs.ts';

/** A name on the daemon that outlives the run. */
export interface LocalImage {
  readonly name: string;
  /** The run has succeeded: the name stays. */
  readonly keep: () => void;
}

/** Enters the name; undefined when the image is not to be kept. @param solver of the builds that may write it */
export function openLocalImage(
  { output, build }: Plan,
  { engine }: Daemon,
  { world, ledger }: Tools,
  solver: Pick<Solver, 'mayStillExport'>,
): LocalImage | undefined {
  if (!output.load) return undefined;
  const startSeconds = Math.floor(world.now().getTime() / 1000);
  const name = keptName({ ...build, startSeconds, random: world.randomHex(16) });
  const remove = (): Promise<void> => removeTemporaryImage(engine, name, { mayStillCome: solver.mayStillExport });
  const strike = ledger.enter(name, remove);
  return { name, keep: strike };
}

/** What a containerd store is told, which keeps it by an exporter beside the one that pushes. */
export function localImageExporter(local: LocalImage | undefined, { builder }: Daemon): readonly ExtraExporter[] {
  if (local === undefined || builder.imageStore === 'graphdriver') return [];
  return [{ type: 'moby', attrs: { name: local.name } }];
}

/** Makes sure that the image has the name. @param build runs the build once more, for one exporter */
export async function nameLocalImage(
  local: LocalImage,
  image: BuiltImage,
  daemon: Daemon,
  build: (extras: FreshExporters) => Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  const { engine } = daemon;
  if (image.kind === 'stored') await nameTemporaryImage(engine, image.name, local.name, signal);
  else if (!(await hasTemporaryImage(engine, local.name, signal)))
    await build(() => Promise.resolve(localImageExporter(local, daemon)));
}

/** After everything else has succeeded. */
export function keepImage(local: LocalImage | undefined, { log }: Tools): void {
  if (local === undefined) return;
  local.keep();
  log.result(`kept on the daemon as ${local.name}`);
}
