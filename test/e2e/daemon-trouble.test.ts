// A daemon that is not there, not allowed, too old or silent: exit code 5 and what to set, in time.
import { chmodSync, cpSync, existsSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { failureBlockIn } from '../support/evidence.ts';
import { expectExit, type PluginResult, pluginFolder, runPlugin, startPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

const settings = { repo: '127.0.0.1:1/app', dry_run: true, daemon_retry_count: 1 };

async function runAgainst(host: string): Promise<PluginResult> {
  return await runPlugin({ cwd: makeWorkspace({ Dockerfile: 'FROM scratch\n' }), host, settings });
}

/** Has `server` listen at a socket of its own for the running test. */
async function listen(server: Server): Promise<string> {
  const socket = join(makeTemporaryFolder(), 'docker.sock');
  server.listen(socket);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return socket;
}

function failure(step: PluginResult): string {
  return failureBlockIn(step.output).join('\n');
}

describe('a daemon that is not there', () => {
  it('is named with what a runner must give to its steps', async () => {
    const step = await runAgainst('unix:///nowhere/docker.sock');
    expectExit(step, 5);
    expect(failure(step)).toContain('/nowhere/docker.sock');
    expect(failure(step)).toMatch(/DRONE_RUNNER_VOLUMES|DOCKER_HOST/);
    expect(step.ms).toBeLessThan(10_000);
  });

  it('is told apart from a socket without a listener', async () => {
    const server = createServer();
    const socket = await listen(server);
    server.close();
    const step = await runAgainst(`unix://${socket}`);
    expectExit(step, 5);
    expect(existsSync(socket)).toBe(false);
  });

  it('is waited for', async () => {
    const socket = join(makeTemporaryFolder(), 'docker.sock');
    const engine = sharedEngine('docker-20.10');
    const workspace = makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' });
    const step = startPlugin({
      cwd: workspace,
      host: `unix://${socket}`,
      settings: { ...settings, daemon_retry_count: 20 },
    });
    // Starts late: everything that comes is passed on to a real engine.
    const late = createServer((client) => {
      const daemon = connect(engine.socket);
      client.on('error', () => daemon.destroy()).pipe(daemon);
      daemon.on('error', () => client.destroy()).pipe(client);
    });
    await step.untilOutput('waiting up to 20 s');
    late.listen(socket);
    onTestFinished(() => void late.close());
    const { exitCode, output } = await step.result;
    expect(output).toContain('nothing was published');
    expect(exitCode).toBe(0);
  });
});

it('fails at once on a socket that it may not open, and says who may', async () => {
  const plugin = makeTemporaryFolder();
  chmodSync(plugin, 0o755);
  cpSync(pluginFolder, plugin, { recursive: true });
  const cwd = makeWorkspace({ Dockerfile: 'FROM scratch\n' });
  chmodSync(cwd, 0o755);
  const socket = await listen(createServer());
  chmodSync(join(socket, '..'), 0o755);
  chmodSync(socket, 0o600);
  const nobody = 65534;
  const step = await runPlugin({
    cwd,
    host: `unix://${socket}`,
    settings: { ...settings, daemon_retry_count: 30 },
    as: { uid: nobody, plugin: join(plugin, 'main.js') },
  });
  expectExit(step, 5);
  expect(failure(step)).toContain('permission denied');
  expect(failure(step)).toContain(String(nobody));
  expect(failure(step)).toMatch(/0600|600/);
  expect(step.ms).toBeLessThan(5_000);
});

describe('something at the address that is no fitting engine', () => {
  it.each([
    {
      name: 'an engine that is too old',
      headers: {
        'Api-Version': '1.24',
        'Docker-Experimental': 'false',
        OSType: 'linux',
        Server: 'Docker/1.12.6 (linux)',
      },
      version: { Version: '1.12.6', ApiVersion: '1.24', Os: 'linux', Arch: 'amd64' },
      says: /1\.24|1\.12\.6|too old/,
    },
    {
      name: 'an engine whose BuildKit is switched off',
      headers: { 'Api-Version': '1.41', 'Builder-Version': '1', OSType: 'linux', Server: 'Docker/20.10.24 (linux)' },
      version: { Version: '20.10.24', ApiVersion: '1.41', MinAPIVersion: '1.12', Os: 'linux', Arch: 'amd64' },
      says: /BuildKit/i,
    },
    { name: 'another service', headers: {}, version: { hello: 'world' }, says: /error: / },
  ])('refuses $name', async ({ headers, version, says }) => {
    const server = createHttpServer((request, response) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      if (request.url?.endsWith('/_ping') === true) response.end('OK');
      else if (request.url?.endsWith('/version') === true) response.end(JSON.stringify(version));
      else {
        response.statusCode = 404;
        response.end(JSON.stringify({ message: 'page not found' }));
      }
    });
    const step = await runAgainst(`unix://${await listen(server)}`);
    expectExit(step, 5);
    expect(failure(step)).toMatch(says);
  });

  it('gives up on a daemon that takes the connection and says nothing', async () => {
    const step = await runAgainst(`unix://${await listen(createServer())}`);
    expectExit(step, 5);
    expect(step.ms).toBeLessThan(60_000);
  });
});
