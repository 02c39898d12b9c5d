// Runs one command and measures it: wall time from start to exit, and the highest resident memory that the kernel noted for the
// process. Both tools are single processes, so that is all of their memory; the daemon's work is in the time only.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Tool = 'plugin' | 'buildx';

/** What is asked. */
export interface Case {
  readonly bench: 'context' | 'publish';
  readonly engine: string;
  readonly what: string;
}

/** One run of one tool. */
export interface Sample extends Case {
  readonly tool: Tool;
  readonly ms: number;
  readonly peakRssKb: number;
}

export interface Command {
  readonly tool: Tool;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The kernel keeps the maximum; what is missed is what a process takes in the last moment of its life. */
const memoryReadingIntervalMs = 10;

/** Runs a command to its end; one that fails is an error with the end of its log. */
export async function measure(command: Command, asked: Case, folder: string, signal: AbortSignal): Promise<Sample> {
  // What the run before has written must not be paid for by this one.
  execFileSync('sync');
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'w');
  const begun = performance.now();
  const child = spawn(command.program, [...command.args], {
    cwd: command.cwd,
    env: { ...command.env },
    stdio: ['ignore', log, log],
    signal,
  });
  closeSync(log);
  let peakRssKb = 0;
  const timer = setInterval(() => {
    peakRssKb = Math.max(peakRssKb, peakOf(child.pid));
  }, memoryReadingIntervalMs);
  try {
    const [code]: unknown[] = await once(child, 'exit');
    const ms = performance.now() - begun;
    if (code !== 0)
      throw new Error(`${command.tool} ended with ${String(code)}:\n${readFileSync(logFile, 'utf8').slice(-4000)}`);
    return { ...asked, tool: command.tool, ms: Math.round(ms), peakRssKb };
  } finally {
    clearInterval(timer);
  }
}

function peakOf(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Runs A B A B ... */
export async function inTurns(
  pairs: number,
  tools: readonly Tool[],
  run: (tool: Tool, pair: number) => Promise<readonly Sample[]>,
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (let pair = 1; pair <= pairs; pair += 1) {
    for (const tool of tools) samples.push(...(await run(tool, pair)));
  }
  return samples;
}
