// What does publishing cost when nothing has changed? The image is in the build cache and in the registry, under all three tags: a
// pipeline that runs again for the same commit. Each tool has a repository of its own and publishes once before it is measured.
// Once with the registry on loopback, where only work counts, and once at a distance, where round trips do.
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchSettings } from '../bench.ts';
import type { EngineAddress } from '../../test/support/engines.ts';
import { type Case, inTurns, measure, type Sample, type Tool } from './measure.ts';
import { startRelay } from './distance.ts';
import { commandFor } from './tools.ts';

const layers = 4;
const layerBytes = 10_000_000;
const tags = ['1', '1.2', '1.2.3'];
const tools: readonly Tool[] = ['plugin', 'buildx'];
/** Loopback, and a registry in another data centre. */
const roundTripsMs = [0, 50];

/** Measures publishing three tags again, in turns. */
export async function benchPublish(
  engine: EngineAddress,
  registry: string,
  settings: BenchSettings,
): Promise<readonly Sample[]> {
  const context = join(settings.folder, 'image');
  makeImage(context);
  const samples: Sample[] = [];
  try {
    for (const roundTripMs of roundTripsMs) {
      const relay = await startRelay(registry, roundTripMs);
      try {
        samples.push(...(await publishAgain(engine, relay.host, roundTripMs, context, settings)));
      } finally {
        await relay.stop();
      }
    }
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  return samples;
}

async function publishAgain(
  engine: EngineAddress,
  registry: string,
  roundTripMs: number,
  context: string,
  { folder, pairs, signal }: BenchSettings,
): Promise<readonly Sample[]> {
  const asked: Case = {
    bench: 'publish',
    engine: engine.kind,
    what: `nothing to rebuild, ${tags.length} tags, registry ${roundTripMs} ms away`,
  };
  const publish = (tool: Tool): Promise<Sample> => {
    const repository = `${registry}/${engine.kind}/${tool}`;
    const command = commandFor(tool, { engine, context, project: 'publish', repository, tags, folder });
    return measure(command, asked, folder, signal);
  };
  for (const tool of tools) await publish(tool);
  return inTurns(pairs, tools, async (tool, pair) => {
    const sample = await publish(tool);
    console.log(`  ${tool} ${pair}: published again in ${sample.ms} ms (registry ${roundTripMs} ms away)`);
    return [sample];
  });
}

function makeImage(context: string): void {
  mkdirSync(context);
  const names = Array.from({ length: layers }, (_, index) => `layer-${index}.bin`);
  for (const name of names) writeFileSync(join(context, name), randomBytes(layerBytes));
  writeFileSync(join(context, 'Dockerfile'), ['FROM scratch', ...names.map((name) => `COPY ${name} /`), ''].join('\n'));
}
