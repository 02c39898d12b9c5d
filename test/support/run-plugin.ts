// Runs the built plugin as a pipeline step does: a process of its own, settings and facts in the environment, the workspace as
// current directory. Nothing of the test's own environment reaches it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface PluginStep {
  /** The workspace. */
  readonly cwd: string;
  /** `{ repo: 'x' }` arrives as PLUGIN_REPO. A list arrives joined by commas, as Drone does it. */
  readonly settings: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** DOCKER_HOST of the step: an engine, or any address. */
  readonly host?: string;
  /** Further variables: DRONE_*, DOCKER_TLS_VERIFY and the like. */
  readonly env?: Readonly<Record<string, string>>;
  /** Runs as another user, who needs a copy of the plugin that he may read. */
  readonly as?: { readonly uid: number; readonly plugin: string };
}

export interface PluginResult {
  /** The exit code; undefined when a signal ended the process. */
  readonly exitCode: number | undefined;
  /** What a log would show: stdout and stderr as they came. */
  readonly output: string;
  readonly ms: number;
  /** Highest resident memory; 0 when the process was over before it could be read. */
  readonly peakRssKb: number;
}

/** A step that is running. */
export interface RunningPlugin {
  readonly process: ChildProcess;
  /** Resolves once the output holds `text`; fails when the step ends without. */
  untilOutput(text: string): Promise<void>;
  readonly result: Promise<PluginResult>;
}

/** Where the bundle is. */
export const pluginFolder = join(import.meta.dirname, '..', '..', 'dist');

const memoryReadingIntervalMs = 20;

/** Runs a step to its end. */
export async function runPlugin(step: PluginStep): Promise<PluginResult> {
  return await startPlugin(step).result;
}

/** Starts a step, for tests that do something meanwhile. */
export function startPlugin(step: PluginStep): RunningPlugin {
  const plugin = step.as?.plugin ?? join(pluginFolder, 'main.js');
  if (!existsSync(plugin)) throw new Error('no dist/main.js: run "npm run build" first');
  const begun = performance.now();
  const child = spawn(process.execPath, [plugin], {
    cwd: step.cwd,
    env: environmentOf(step),
    stdio: 'pipe',
    ...(step.as === undefined ? {} : { uid: step.as.uid, gid: step.as.uid }),
  });
  child.stdin.end();

  let output = '';
  const watchers = new Set<() => void>();
  const take = (text: string): void => {
    output += text;
    for (const watcher of watchers) watcher();
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  const memory = watchMemory(child);

  const result = once(child, 'close').then(([code]: unknown[]): PluginResult => {
    clearInterval(memory.timer);
    const exitCode = typeof code === 'number' ? code : undefined;
    return { exitCode, output, ms: performance.now() - begun, peakRssKb: memory.peakKb() };
  });
  const untilOutput = async (text: string): Promise<void> => {
    const seen = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!output.includes(text)) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    });
    const ended = result.then(({ exitCode }) => {
      throw new Error(`the step ended (${exitCode}) without saying "${text}":\n${output}`);
    });
    await Promise.race([seen, ended]);
    ended.catch(() => undefined);
  };
  return { process: child, untilOutput, result };
}

/** The environment of a step, also for `docker run --env`. */
export function environmentOf(step: PluginStep): Record<string, string> {
  const settings = Object.entries(step.settings).map(([name, value]): [string, string] => [
    `PLUGIN_${name.toUpperCase()}`,
    Array.isArray(value) ? value.join(',') : String(value),
  ]);
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: step.cwd,
    ...(step.host === undefined ? {} : { DOCKER_HOST: step.host }),
    ...Object.fromEntries(settings),
    ...step.env,
  };
}

/** The kernel keeps the highest value itself; it has to be read while the process lives. */
function watchMemory(child: ChildProcess): { readonly timer: NodeJS.Timeout; readonly peakKb: () => number } {
  let peakKb = 0;
  const read = (): void => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peakKb = Math.max(peakKb, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    } catch {
      // The process has just ended.
    }
  };
  return { timer: setInterval(read, memoryReadingIntervalMs), peakKb: () => peakKb };
}

/** Asserts how a step ended: with one of these exit codes. Shows its whole log if not. */
export function expectExit(result: PluginResult, ...exitCodes: readonly number[]): void {
  if (result.exitCode !== undefined && exitCodes.includes(result.exitCode)) return;
  throw new Error(`the step ended with ${result.exitCode} instead of ${exitCodes.join(' or ')}:\n${result.output}`);
}
