// A context of 20,000 files: the plugin beside `docker buildx build` (Debian 13's docker-buildx) on the same engines. Both only
// build, without an image at the end. "first" is a folder that the daemon has never seen, "unchanged" the same folder again.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { type EngineAddress, engineKinds } from '../support/engines.ts';
import { expectExit, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';

const execute = promisify(execFile);
const files = 20_000;
const bytesPerFile = 4_096;
const firstRuns = 3;
const unchangedRuns = 7;

interface Figures {
  readonly engine: string;
  readonly tool: string;
  readonly firstMs: number;
  readonly unchangedMs: number;
  readonly peakRssMb: number | string;
}

const figures: Figures[] = [];
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  console.table(figures);
});

/** A tree like a checkout with its dependencies; `seed` makes its contents unlike those of any other. */
function makeContext(seed: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'docker-build-bench-'));
  folders.push(folder);
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY . /\n');
  for (let index = 0; index < files; index += 1) {
    const place = join(folder, `package-${index % 200}`, `part-${index % 7}`);
    if (index < 1_400) mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `file-${index}.js`), `${seed} ${index}\n`.padEnd(bytesPerFile, `${index} `));
  }
  return folder;
}

function median(values: readonly number[]): number {
  return Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0);
}

type Build = (engine: EngineAddress, context: string) => Promise<{ readonly ms: number; readonly peakRssKb: number }>;

const withPlugin: Build = async (engine, context) => {
  const settings = { dry_run: true, repo: `example.invalid/${context.split('-').at(-1)?.toLowerCase()}` };
  const step = await runPlugin({ cwd: context, host: engine.host, settings });
  expectExit(step, 0);
  return step;
};

const withBuildx: Build = async (engine, context) => {
  const plugins = join(engine.env['DOCKER_CONFIG'] ?? '', 'cli-plugins');
  mkdirSync(plugins, { recursive: true });
  const buildx = join(import.meta.dirname, '..', '..', '.cache', 'engines', 'docker-26.1', 'bin', 'docker-buildx');
  rmSync(join(plugins, 'docker-buildx'), { force: true });
  symlinkSync(buildx, join(plugins, 'docker-buildx'));
  const begun = performance.now();
  const args = ['buildx', 'build', '--progress=plain', '--output=type=cacheonly', context];
  await execute(engine.dockerCli, args, { env: { ...engine.env }, maxBuffer: 64 * 1024 * 1024 });
  return { ms: performance.now() - begun, peakRssKb: 0 };
};

async function measure(engine: EngineAddress, tool: string, build: Build): Promise<void> {
  const first: number[] = [];
  const unchanged: number[] = [];
  let peakRssKb = 0;
  for (let run = 0; run < firstRuns; run += 1) {
    const context = makeContext(`${engine.kind} ${tool} ${run}`);
    const cold = await build(engine, context);
    first.push(cold.ms);
    peakRssKb = Math.max(peakRssKb, cold.peakRssKb);
    if (run > 0) continue;
    for (let again = 0; again < unchangedRuns; again += 1) unchanged.push((await build(engine, context)).ms);
  }
  figures.push({
    engine: engine.kind,
    tool,
    firstMs: median(first),
    unchangedMs: median(unchanged),
    peakRssMb: peakRssKb === 0 ? '' : Math.round(peakRssKb / 1024),
  });
}

it.each(engineKinds)('a context of 20,000 files on %s', async (kind) => {
  const engine = sharedEngine(kind);
  await measure(engine, 'buildx', withBuildx);
  await measure(engine, 'docker-build', withPlugin);
  expect(figures.length).toBeGreaterThanOrEqual(2);
});
