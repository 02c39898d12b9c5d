// A step that is stopped while it waits: for a daemon, for a registry's first answer, or for a registry that takes no more
// bytes. Each wait ends at once, and what had been begun is taken back.
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startRegistryWithBase } from '../support/base-image.ts';
import { snapshotImages } from '../support/engine-observer.ts';
import { engineKinds } from '../support/engines.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, type RunningPlugin, startPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
});

afterAll(async () => {
  await registry.stop();
});

/** A registry that stops to answer at a point; emits the method of each request that it leaves without an answer. */
async function startStallingRegistry(
  isStalled: (request: IncomingMessage) => boolean,
): Promise<{ readonly host: string; readonly stalls: EventEmitter; readonly methods: readonly string[] }> {
  const stalls = new EventEmitter();
  const methods: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '' } = request;
    methods.push(method);
    if (isStalled(request)) {
      stalls.emit('stall', method);
      return;
    }
    request.resume();
    if (method === 'POST') response.writeHead(202, { location: `${url.split('?', 1)[0] ?? ''}one-upload` });
    else response.writeHead(url === '/v2/' ? 200 : method === 'DELETE' ? 204 : 404);
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port on loopback');
  return { host: `127.0.0.1:${address.port}`, stalls, methods };
}

/** Stops a step and says how long it took; fails unless it ended as a stopped step does. */
async function stop(step: RunningPlugin): Promise<{ readonly ms: number; readonly output: string }> {
  const stopped = performance.now();
  step.process.kill('SIGTERM');
  const result = await step.result;
  expectExit(result, 143);
  return { ms: performance.now() - stopped, output: result.output };
}

const Dockerfile = 'FROM scratch\nCOPY Dockerfile /\n';

it('ends the wait for a daemon within 3 s of SIGTERM', async () => {
  const host = `unix://${join(makeTemporaryFolder(), 'docker.sock')}`;
  const settings = { repo: `${registry.host}/waiting`, tags: '1', daemon_retry_count: 60 };
  const step = startPlugin({ cwd: makeWorkspace({ Dockerfile }), host, settings });
  await step.untilOutput('waiting up to 60 s');
  const { ms, output } = await stop(step);
  expect(ms).toBeLessThan(3_000);
  expect(output).toContain('error: stopped by SIGTERM during connect\n  state: no tag was touched');
});

it('ends the wait for the first answer of a registry within 3 s of SIGTERM', async () => {
  const silent = await startStallingRegistry(() => true);
  const host = `unix://${join(makeTemporaryFolder(), 'docker.sock')}`;
  const settings = { repo: `${silent.host}/app`, tags: '1', insecure: true, daemon_retry_count: 60 };
  const stalled = once(silent.stalls, 'stall');
  const step = startPlugin({ cwd: makeWorkspace({ Dockerfile }), host, settings });
  await stalled;
  expect((await stop(step)).ms).toBeLessThan(3_000);
});

it('does not wait for the daemon when the registry refuses the step', async () => {
  const locked = await startRegistry({ auth: 'htpasswd' });
  onTestFinished(() => locked.stop());
  const host = `unix://${join(makeTemporaryFolder(), 'docker.sock')}`;
  const settings = { repo: `${locked.host}/app`, tags: '1', daemon_retry_count: 60 };
  const result = await startPlugin({ cwd: makeWorkspace({ Dockerfile }), host, settings }).result;
  expectExit(result, 3);
  expect(result.ms).toBeLessThan(10_000);
});

describe.each(engineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);

  it('ends an upload within 3 s of SIGTERM and takes back what was begun', async () => {
    const before = await snapshotImages(engine);
    const full = await startStallingRegistry(({ method }) => method === 'PUT' || method === 'PATCH');
    const stalled = once(full.stalls, 'stall');
    const cwd = makeWorkspace({ Dockerfile: `FROM ${base}\nRUN echo ${kind} > /made\n` });
    const step = startPlugin({ cwd, host: engine.host, settings: { repo: `${full.host}/app`, tags: '1' } });
    await Promise.race([stalled, step.result.then(({ output }) => expect(output).toBe('an upload'))]);
    const { ms, output } = await stop(step);
    expect(ms).toBeLessThan(3_000);
    expect(output).toContain('state: no tag was touched; nothing left on the daemon');
    expect(await snapshotImages(engine)).toEqual(before);
    // The daemon, where it pushes by itself, leaves its uploads to the registry.
    const afterwards = full.methods.slice(full.methods.lastIndexOf('PUT'));
    expect(afterwards.includes('DELETE')).toBe(engine.store === 'graphdriver');
  });
});
