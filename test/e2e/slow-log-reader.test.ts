// Whoever reads the log may be slow: a runner that ships it over a network takes a pipe's content a block at a time. The last
// block of a log is the one that says what went wrong.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { expectExit, startPlugin } from '../support/run-plugin.ts';
import { makeWorkspace } from '../support/workspace.ts';

/** Long enough for a process to end that does not wait for its reader. */
const pauseMs = 5;

/** Each of these mistakes is a line of its own. */
const mistakes = Array.from({ length: 6_000 }, (_, index) => `not a tag ${index}`);

it('gets all of a megabyte, and the exit code after it', async () => {
  const step = startPlugin({
    cwd: makeWorkspace({ Dockerfile: 'FROM scratch\n' }),
    settings: { repo: '127.0.0.1:1/app', tags: mistakes },
  });
  const { stdout } = step.process;
  if (stdout === null) throw new Error('no pipe');
  const slowly = (): void => {
    stdout.pause();
    void delay(pauseMs).then(() => stdout.resume());
  };
  stdout.on('data', slowly);

  const result = await step.result;
  expectExit(result, 2);
  expect(result.output.length).toBeGreaterThan(1_000_000);
  expect(result.output.trimEnd().split('\n').at(-1)).toContain('not a tag 5999');
});

it('does not keep a step that nobody listens to', async () => {
  const step = startPlugin({
    cwd: makeWorkspace({ Dockerfile: 'FROM scratch\n' }),
    settings: { repo: '127.0.0.1:1/app', tags: mistakes },
  });
  step.process.stdout?.pause();
  await delay(2_000);
  step.process.kill('SIGTERM');
  await once(step.process, 'exit');
  expect(step.process.exitCode).toBe(2);
});
