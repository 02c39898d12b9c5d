// Whoever reads the log may be slow: a runner that ships it over a network takes a pipe's content a block at a time. The last
// block of a log is the one that says what went wrong.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { expectExit, type RunningPlugin, startPlugin } from '../support/run-plugin.ts';
import { makeWorkspace } from '../support/workspace.ts';

/** Long enough for a process to end that does not wait for its reader. */
const pauseMs = 10;

/** A step with more than a megabyte to say: each of these names gets a line of 120 characters. */
function startTalkativeStep(): RunningPlugin {
  const names = Array.from({ length: 9_000 }, (_, index) => `unknown_${'x'.repeat(150)}_${index}`);
  return startPlugin({
    cwd: makeWorkspace({ Dockerfile: 'FROM scratch\n' }),
    settings: { repo: 'not a repository', ...Object.fromEntries(names.map((name) => [name, '1'])) },
  });
}

it('gets all of a megabyte, and the exit code after it', async () => {
  const step = startTalkativeStep();
  const { stdout } = step.process;
  if (stdout === null) throw new Error('no pipe');
  stdout.on('data', () => {
    stdout.pause();
    void delay(pauseMs).then(() => stdout.resume());
  });
  const result = await step.result;
  expectExit(result, 2);
  expect(result.output.length).toBeGreaterThan(1_000_000);
  expect(result.output.trimEnd().split('\n').at(-1)).toContain('settings.repo');
});

it('does not keep a step that is told to stop', async () => {
  const step = startTalkativeStep();
  const { stdout } = step.process;
  if (stdout === null) throw new Error('no pipe');
  await once(stdout, 'data');
  stdout.pause();
  const ended = once(step.process, 'exit');
  step.process.kill('SIGTERM');
  const stopped = performance.now();
  await ended;
  expect(performance.now() - stopped).toBeLessThan(3_000);
  stdout.resume();
  await step.result;
});
