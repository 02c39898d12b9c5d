// The docker program of a test engine, for tests that want to see an image with its eyes. Never synchronous: the registry's
// recording proxy lives in this process and has to answer meanwhile.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { EngineAddress } from './engines.ts';

const execute = promisify(execFile);
const maxOutputBytes = 16 * 1024 * 1024;

/** Runs `docker <args>` against the engine and returns what it printed; fails with its own words. */
export async function docker(engine: EngineAddress, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(engine.dockerCli, [...args], { env: { ...engine.env }, maxBuffer: maxOutputBytes });
  return stdout;
}
