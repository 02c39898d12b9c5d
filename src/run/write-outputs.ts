// Chapter: the image as files of the workspace. What BuildKit exports arrives during the build; archives of an image that
// a graph-driver store holds are written after it. All of them are in place before any tag moves.
import type { BuiltImage } from '../build/build-image.ts';
import type { ExtraExporter } from '../build/exported-files.ts';
import type { Engine } from '../engine/connect.ts';
import { Output } from '../output/output.ts';
import type { Plan } from '../plan/plan.ts';
import type { Daemon } from './connect-daemon.ts';
import type { Tools } from './tools.ts';

/** The outputs of a step, by who makes them. */
export interface Outputs {
  /** Exporters of BuildKit that send to us. */
  readonly exported: readonly Output[];
  /** Archives that are made of the image on the daemon. */
  readonly saved: readonly Output[];
}

/** The exporters of one solve. A solve that is repeated asks for them again, and gets them without what had come. */
export type FreshExporters = () => Promise<readonly ExtraExporter[]>;

/** Exporters of outputs. */
export async function freshExporters(
  outputs: readonly Output[],
  exporterAttrs: Readonly<Record<string, string>>,
): Promise<readonly ExtraExporter[]> {
  for (const output of outputs) await output.restart();
  return outputs.map((output) => output.exporter(exporterAttrs));
}

/** Opens them: nothing is on the disk yet, and whatever comes there without getting into place goes with the ledger. */
export function openOutputs({ output }: Plan, { builder }: Daemon, { world, ledger }: Tools): Outputs {
  const outputs = output.files.map((order) => new Output(order, world.randomHex(16)));
  for (const each of outputs) ledger.enter(undefined, () => each.discard());
  const isExported = ({ order }: Output): boolean =>
    builder.imageStore === 'containerd' || order.type === 'local' || order.type === 'tar';
  return { exported: outputs.filter(isExported), saved: outputs.filter((each) => !isExported(each)) };
}

/**
 * Completes what the build has left open, and puts everything in place.
 *
 * @param build runs the build once more, for outputs of its own
 */
export async function finishOutputs(
  { exported, saved }: Outputs,
  image: BuiltImage,
  engine: Engine,
  exporterAttrs: Readonly<Record<string, string>>,
  build: (extras: FreshExporters) => Promise<unknown>,
  { world, log }: Tools,
): Promise<void> {
  for (const output of exported) {
    if (output.isReceived) continue;
    log.info(`this daemon makes one output at a time; asking again for ${output.order.display}, from the cache`);
    await build(() => freshExporters([output], exporterAttrs));
  }
  for (const output of saved) {
    if (image.kind !== 'stored') throw new Error(`no image to make ${output.order.display} of`);
    await output.save({ engine, name: image.name, id: image.id }, world.signal);
  }
  for (const output of [...exported, ...saved]) await output.commit(log);
}
