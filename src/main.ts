// The process edge: environment, arguments and signals in, log and exit code out. Everything else gets what it needs as
// a value, so that it can be tested without a process.
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { PluginError, type ExitCode } from './base/plugin-error.ts';
import { run } from './run.ts';

/** A pipe takes what its reader takes; a log that nobody reads any more ends the wait. */
const flushLimitMs = 30_000;
/** The same for a step that is being stopped. */
const stoppedFlushLimitMs = 250;

const stopping = new AbortController();
// Every request and connection under way listens to it.
setMaxListeners(0, stopping.signal);

/** The first signal ends the run in order; a second one ends the process at once. */
function stopOn(signal: NodeJS.Signals, exitCode: ExitCode): void {
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(exitCode);
    stopping.abort(new PluginError({ code: 'stopped', exitCode, message: `stopped by ${signal}` }));
  });
}

/** Waits until a slow reader of the log has all of it: process.exit() drops what a pipe has not taken yet. */
async function flushLog(): Promise<void> {
  const taken = new Promise<void>((resolve) => void process.stdout.write('', () => resolve()));
  const { signal } = stopping;
  const timeUp = signal.aborted
    ? delay(stoppedFlushLimitMs)
    : delay(flushLimitMs, undefined, { signal }).catch(() => undefined);
  await Promise.race([taken, timeUp]);
}

stopOn('SIGTERM', 143);
stopOn('SIGINT', 130);
// A log reader that went away does not stop a release.
process.on('SIGHUP', () => undefined);
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
// A bug must not leave a temporary name behind: the run ends in order, with exit code 70.
process.on('uncaughtException', (error) => stopping.abort(error));
process.on('unhandledRejection', (reason) => stopping.abort(reason));

const exitCode = await run({
  env: process.env,
  argv: process.argv.slice(2),
  cwd: process.cwd(),
  temporaryDirectory: tmpdir(),
  version: process.env['DOCKER_BUILD_VERSION'] ?? 'development',
  write: (text) => void process.stdout.write(text),
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  randomHex: (bytes) => randomBytes(bytes).toString('hex'),
  signal: stopping.signal,
});
await flushLog();
process.exit(exitCode);
