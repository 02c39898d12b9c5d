// `make bench`: the plugin beside `docker buildx build` on the same private engines, in turns. Two questions: what does a context of
// 20,000 files cost, first and unchanged; and what does publishing three tags cost when nothing has to be rebuilt. buildx is run
// without the docker program around it, which is its faster form. Figures are of this machine; the ratios are what matters. With
// TMPDIR on a tmpfs (other than /dev/shm, which is no place for a workspace) the moods of the disk are not in the figures.
//
//   node .cache/bench/bench.js [--pairs 5] [--files 20000] [--engines docker-26.1-containerd,...]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { type EngineAddress, type EngineKind, engineKinds, startEngine } from '../test/support/engines.ts';
import { benchContext } from './bench/context.ts';
import type { Sample } from './bench/measure.ts';
import { benchPublish } from './bench/publish.ts';
import { startRegistry } from './bench/registry.ts';
import { summarise, table } from './bench/report.ts';
import { keepPlugin } from './bench/tools.ts';

export interface BenchSettings {
  readonly pairs: number;
  readonly files: number;
  /** For contexts and logs; removed at the end. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

const resultsFile = join(import.meta.dirname, 'results.jsonl');

/** BuildKit would otherwise begin to clear its cache in the middle of a measurement. */
const withoutCollector = { builder: { gc: { enabled: false } } };

/** The store that can push by itself, and the one whose images have to be taken out. */
const publishingKinds: readonly EngineKind[] = ['docker-26.1-graphdriver', 'docker-26.1-containerd'];

async function bench(kinds: readonly EngineKind[], settings: BenchSettings): Promise<readonly Sample[]> {
  const registry = await startRegistry(settings.folder);
  const samples: Sample[] = [];
  try {
    for (const kind of kinds) {
      const engine = await startEngine(kind, { config: withoutCollector });
      try {
        samples.push(...(await benchEngine(engine, registry.host, settings)));
      } finally {
        await engine.stop();
      }
    }
  } finally {
    await registry.stop();
  }
  return samples;
}

async function benchEngine(
  engine: EngineAddress,
  registry: string,
  settings: BenchSettings,
): Promise<readonly Sample[]> {
  console.log(`${engine.kind} (${engine.storageDriver})`);
  const samples = [...(await benchContext(engine, settings))];
  if (publishingKinds.includes(engine.kind)) samples.push(...(await benchPublish(engine, registry, settings)));
  return samples;
}

function readEngines(text: string | undefined): readonly EngineKind[] {
  if (text === undefined) return engineKinds;
  return text.split(',').map((name) => {
    const kind = engineKinds.find((candidate) => candidate === name);
    if (kind === undefined) throw new Error(`no engine ${name}; there are ${engineKinds.join(', ')}`);
    return kind;
  });
}

function readCount(text: string, least: number): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < least) throw new Error(`${text} is not a whole number from ${least} on`);
  return count;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      pairs: { type: 'string', default: '5' },
      files: { type: 'string', default: '20000' },
      engines: { type: 'string' },
    },
  });
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => interrupt.abort(new Error(`stopped by ${name}`)));
  }
  const folder = mkdtempSync(join(tmpdir(), 'docker-build-bench-'));
  try {
    keepPlugin(folder);
    const samples = await bench(readEngines(values.engines), {
      pairs: readCount(values.pairs, 1),
      files: readCount(values.files, 1),
      folder,
      signal: interrupt.signal,
    });
    const summaries = summarise(samples);
    const lines = [...samples, ...summaries].map((record) => JSON.stringify(record));
    mkdirSync(import.meta.dirname, { recursive: true });
    writeFileSync(resultsFile, `${lines.join('\n')}\n`);
    console.log(`\n${table(summaries)}\n\nevery run, as JSON lines: ${relative(process.cwd(), resultsFile)}`);
  } catch (error) {
    console.error(interrupt.signal.aborted ? String(interrupt.signal.reason) : error);
    process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
