// What does a big context cost? Every file of it is sent on the first build; on an unchanged one the daemon is only told that all
// is as before. Each first build is one of a project that the daemon has never seen. The build reads the files by a mount: a COPY
// of 20,000 files would take the daemon longer than everything that the tools do.
import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchSettings } from '../bench.ts';
import type { EngineAddress } from '../../test/support/engines.ts';
import { type Case, inTurns, measure, type Sample } from './measure.ts';
import { commandFor } from './tools.ts';

/** 20,000 files of 4.1 kB on average make 82 MB. */
const smallestFileBytes = 200;
const largestFileBytes = 8_000;
const filesPerFolder = 100;

const dockerfile = `FROM scratch
COPY busybox /bin/
RUN --mount=type=bind,target=/source ["/bin/busybox", "cat", "/source/version.txt"]
`;

/** Measures first and unchanged builds in turns. */
export async function benchContext(engine: EngineAddress, settings: BenchSettings): Promise<readonly Sample[]> {
  const { files, folder, pairs, signal } = settings;
  let context = join(folder, 'context');
  const megabytes = Math.round(makeContext(context, files) / 1e6);
  const asked = (what: string): Case => ({
    bench: 'context',
    engine: engine.kind,
    what: `${files} files, ${megabytes} MB, ${what}`,
  });
  try {
    return await inTurns(pairs, ['plugin', 'buildx'], async (tool, pair) => {
      const project = `context-${tool}-${pair}`;
      // buildx knows a project by its path, the plugin by its repository.
      const path = join(folder, project);
      renameSync(context, path);
      context = path;
      writeFileSync(join(context, 'version.txt'), `${engine.kind} ${project}\n`);
      const command = commandFor(tool, { engine, context, project, tags: [], folder });
      const first = await measure(command, asked('first build'), folder, signal);
      const unchanged = await measure(command, asked('unchanged'), folder, signal);
      console.log(`  ${tool} ${pair}: first ${first.ms} ms, unchanged ${unchanged.ms} ms`);
      return [first, unchanged];
    });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

/** Text of no meaning that compresses like source code; the same on every machine. Returns the number of bytes. */
function makeContext(context: string, files: number): number {
  const next = numbers(1);
  let bytes = 0;
  for (let index = 0; index < files; index += 1) {
    const place = join(context, `part-${Math.floor(index / filesPerFolder)}`);
    if (index % filesPerFolder === 0) mkdirSync(place, { recursive: true });
    const size = smallestFileBytes + (next() % (largestFileBytes - smallestFileBytes));
    const line = `${next().toString(36)} = ${next().toString(36)};\n`;
    writeFileSync(join(place, `file-${index}.txt`), line.repeat(Math.ceil(size / line.length)).slice(0, size));
    bytes += size;
  }
  copyFileSync('/bin/busybox', join(context, 'busybox'));
  writeFileSync(join(context, 'Dockerfile'), dockerfile);
  return bytes;
}

/** A linear congruential generator (the constants of Numerical Recipes), high bits only. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
}
