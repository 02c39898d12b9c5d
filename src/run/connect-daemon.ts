// Chapter: the daemon that the runner provides, and what its BuildKit can do. Permission to push is asked meanwhile.
import { together } from '../base/together.ts';
import type { Builder, BuildOrder, PreparedBuild } from '../build/build-image.ts';
import { checkNamedContexts } from '../build/check-named-contexts.ts';
import { findBuilder } from '../build/find-builder.ts';
import { fitToBuilder } from '../build/fit-to-builder.ts';
import { registryAuthority } from '../build/registry-authority.ts';
import type { Engine } from '../engine/connect.ts';
import { checkOutputs } from '../output/check-outputs.ts';
import type { Plan } from '../plan/plan.ts';
import { checkPacking } from './check-packing.ts';
import type { Registries } from './open-registries.ts';
import { prepareTargets } from './prepare-targets.ts';
import { describeEngine, reachEngine } from './reach-engine.ts';
import type { Tools } from './tools.ts';

export interface Daemon {
  readonly engine: Engine;
  readonly builder: Builder;
  /** What is built: the order without what this daemon cannot do. */
  readonly order: BuildOrder;
}

/** Connects. Throws PluginError: 5 without a daemon, 3 without the right to push, 2 when it cannot do what was asked. */
export async function connectDaemon(
  plan: Plan,
  prepared: PreparedBuild,
  registries: Registries,
  { world, log }: Tools,
): Promise<Daemon> {
  const { signal } = world;
  const { client, credentials } = registries;
  const [engine] = await together(
    (stop) => reachEngine(plan, { world, log }, stop),
    (stop) => prepareTargets(registries, stop),
    signal,
  );
  const builder = await findBuilder(engine, signal);
  const { order, warnings } = fitToBuilder(prepared.order, builder);
  checkOutputs(plan.output.files, order, builder);
  if (builder.imageStore === 'graphdriver' && plan.publish !== undefined) checkPacking(plan);
  await checkNamedContexts(prepared, { builder, tokens: registryAuthority(client, credentials, []), log }, signal);
  log.info(describeEngine(engine, builder));
  for (const warning of warnings) log.warn(warning);
  return { engine, builder, order };
}
