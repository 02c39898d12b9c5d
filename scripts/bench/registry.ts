// An open registry on loopback for the benchmark: Debian's docker-registry without anything in front of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, isListening } from '../../test/support/recording-proxy.ts';

const startLimitMs = 20_000;

/** Starts it, with its data in `folder`. */
export async function startRegistry(folder: string): Promise<{ readonly host: string; stop(): Promise<void> }> {
  const port = await freePort();
  const place = join(folder, 'registry');
  mkdirSync(place);
  const config = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(place, 'data') } },
    http: { addr: `127.0.0.1:${port}`, secret: 'bench' },
  };
  const configFile = join(place, 'config.yml');
  writeFileSync(configFile, JSON.stringify(config));
  const registry = spawn('setpriv', ['--pdeathsig', 'KILL', 'docker-registry', 'serve', configFile], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', OTEL_TRACES_EXPORTER: 'none' },
    stdio: 'ignore',
    detached: true,
  });
  const ended = once(registry, 'exit');
  const deadline = performance.now() + startLimitMs;
  while (!(await isListening(port))) {
    if (registry.exitCode !== null || performance.now() > deadline) throw new Error('docker-registry did not start');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    host: `127.0.0.1:${port}`,
    stop: async () => {
      registry.kill('SIGTERM');
      await ended;
    },
  };
}
