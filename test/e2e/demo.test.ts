// `make demo` from the first line to the last, in an engine that is there already and, with a socket that leads nowhere, in a
// private daemon of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { snapshotImages } from '../support/engine-observer.ts';
import { contrastingEngineKinds } from '../support/engines.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { makeTemporaryFolder } from '../support/workspace.ts';

const demo = join(import.meta.dirname, '..', '..', 'scripts', 'demo.js');

interface Ended {
  readonly code: unknown;
  readonly output: string;
}

async function runDemo(host: string, onOutput: (output: string, kill: () => void) => void = () => {}): Promise<Ended> {
  const env = { ...process.env, DOCKER_HOST: host };
  const child = spawn(process.execPath, [demo], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const take = (text: string): void => {
    output += text;
    onOutput(output, () => child.kill('SIGINT'));
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  const [code]: unknown[] = await once(child, 'close');
  return { code, output };
}

/** Folders, bridges and cgroups of demos. */
function leftovers(): readonly string[] {
  const cgroups = '/sys/fs/cgroup';
  const places = [tmpdir(), '/sys/class/net', cgroups, ...readdirSync(cgroups).map((tree) => join(cgroups, tree))];
  return places
    .filter((place) => statSync(place).isDirectory())
    .flatMap((place) => readdirSync(place))
    .filter((name) => /^(docker-build-demo-|dbdemo)/.test(name));
}

function expectStory({ code, output }: Ended): void {
  expect(code === 0 ? '' : output).toBe('');
  expect(output).toMatch(/demo\/app:1 +sha256:[0-9a-f]{64}\n/);
  expect(output).toContain('3 tags, 1 digest.');
  expect(output).toMatch(/tags +1, 1\.4, 1\.4\.2 \(all unchanged\)/);
  expect(output).toMatch(/^#\d+ CACHED$/m);
  expect(output).toContain('Equal. Nothing was tagged in the daemon');
  expect(output).not.toContain('could not clean up');
}

describe.each(contrastingEngineKinds)('%s', (kind) => {
  it('is shown the demo and keeps nothing of it', async () => {
    const engine = sharedEngine(kind);
    const before = await snapshotImages(engine);
    expectStory(await runDemo(engine.host));
    expect(await snapshotImages(engine)).toEqual(before);
    expect(leftovers()).toEqual([]);
  });
});

describe('without a daemon', () => {
  it('starts a private one and takes it away again', async () => {
    const told = await runDemo('unix:///nowhere/docker.sock');
    expectStory(told);
    expect(told.output).toContain('No daemon answers at unix:///nowhere/docker.sock');
    expect(leftovers()).toEqual([]);
  });

  it('starts a private one too when the daemon cannot reach a registry on this machine', async () => {
    const remote = createServer((request, response) => {
      const isVersion = request.url?.endsWith('/version') === true;
      response.statusCode = isVersion ? 200 : 500;
      response.end(JSON.stringify(isVersion ? { Version: '99.0.0' } : { message: 'connection refused' }));
    });
    const socket = join(makeTemporaryFolder(), 'docker.sock');
    remote.listen(socket);
    await once(remote, 'listening');
    const told = await runDemo(`unix://${socket}`);
    remote.closeAllConnections();
    remote.close();
    expectStory(told);
    expect(told.output).toContain('(Docker 99.0.0) runs somewhere else');
    expect(leftovers()).toEqual([]);
  });

  it('cleans up after Ctrl-C in the middle of a build', async () => {
    let interrupted = false;
    const told = await runDemo('unix:///nowhere/docker.sock', (output, kill) => {
      if (interrupted || !output.includes('compile ...')) return;
      interrupted = true;
      kill();
    });
    expect(interrupted).toBe(true);
    expect(told.code).toBe(130);
    expect(told.output).not.toContain('could not clean up');
    expect(leftovers()).toEqual([]);
  });
});
