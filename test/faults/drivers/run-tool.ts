// Runs a peer's program for a publish: its log as it came, its exit code, killed at the end of its time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { PublishEnd } from './driver.ts';

export async function runTool(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<PublishEnd> {
  const begun = performance.now();
  const child = spawn(program, [...args], { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  try {
    const [code]: unknown[] = await once(child, 'close');
    return { exitCode: typeof code === 'number' ? code : undefined, output, ms: performance.now() - begun };
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

/** One run per tag, as scripts with these tools do it; the first that fails ends it. */
export async function runForEach(
  tags: readonly string[],
  run: (tag: string) => Promise<PublishEnd>,
): Promise<PublishEnd> {
  let end: PublishEnd = { exitCode: 0, output: '', ms: 0 };
  for (const tag of tags) {
    const next = await run(tag);
    end = { exitCode: next.exitCode, output: end.output + next.output, ms: end.ms + next.ms };
    if (end.exitCode !== 0) break;
  }
  return end;
}
