// What does publishing cost when nothing has changed? The image is in the build cache and in the registry, under all three tags: a
// pipeline that runs again for the same commit. Each tool has a repository of its own and publishes once before it is measured.
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchSettings } from '../bench.ts';
import type { EngineAddress } from '../../test/support/engines.ts';
import { type Case, inTurns, measure, type Sample, type Tool } from './measure.ts';
import { commandFor } from './tools.ts';

const layers = 4;
const layerBytes = 10_000_000;
const tags = ['1', '1.2', '1.2.3'];
const tools: readonly Tool[] = ['plugin', 'buildx'];

/** Measures publishing three tags again, in turns. */
export async function benchPublish(
  engine: EngineAddress,
  registry: string,
  settings: BenchSettings,
): Promise<readonly Sample[]> {
  const { folder, pairs, signal } = settings;
  const context = join(folder, 'image');
  makeImage(context);
  const asked: Case = {
    bench: 'publish',
    engine: engine.kind,
    what: `nothing to rebuild, ${tags.length} tags, ${layers} layers, ${(layers * layerBytes) / 1e6} MB`,
  };
  const publish = (tool: Tool): Promise<Sample> => {
    const repository = `${registry}/${engine.kind}/${tool}`;
    const command = commandFor(tool, { engine, context, project: 'publish', repository, tags, folder });
    return measure(command, asked, folder, signal);
  };
  try {
    for (const tool of tools) await publish(tool);
    return await inTurns(pairs, tools, async (tool, pair) => {
      const sample = await publish(tool);
      console.log(`  ${tool} ${pair}: published again in ${sample.ms} ms`);
      return [sample];
    });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

function makeImage(context: string): void {
  mkdirSync(context);
  const names = Array.from({ length: layers }, (_, index) => `layer-${index}.bin`);
  for (const name of names) writeFileSync(join(context, name), randomBytes(layerBytes));
  writeFileSync(join(context, 'Dockerfile'), ['FROM scratch', ...names.map((name) => `COPY ${name} /`), ''].join('\n'));
}
