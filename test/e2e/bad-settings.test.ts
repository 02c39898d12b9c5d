// Mistakes in the settings: all of them at once, at once, and before anybody is called.
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { expectExit, runPlugin } from '../support/run-plugin.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

/** Counts who comes, and has nothing to say to them. */
function countConnections(): { readonly server: Server; readonly count: () => number } {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  onTestFinished(() => void server.close());
  return { server, count: () => connections };
}

it('names ten bad settings in ten lines within 300 ms and calls nobody', async () => {
  const daemon = countConnections();
  const socket = join(makeTemporaryFolder(), 'docker.sock');
  daemon.server.listen(socket);
  const registry = countConnections();
  registry.server.listen(0, '127.0.0.1');
  await Promise.all([once(daemon.server, 'listening'), once(registry.server, 'listening')]);
  const address = registry.server.address();
  const port = typeof address === 'object' ? address?.port : 0;

  const step = {
    cwd: makeWorkspace({ Dockerfile: 'FROM scratch\n' }),
    host: `unix://${socket}`,
    settings: {
      repo: `https://127.0.0.1:${port}/app`,
      tags: 'not a tag',
      dockerfile: 'missing/Dockerfile',
      context: 'no/such/folder',
      pull_image: 'perhaps',
      no_cache: 'maybe',
      daemon_retry_count: 'soon',
      platform: 'linux',
      ssh_agent_key: 'ssh-ed25519 AAAA a public key',
      secret: 'this is no specification',
      quiet: 'a little',
      config: '{"auths": ',
    },
  };
  const names = Object.keys(step.settings);
  const first = await runPlugin(step);
  // The machine may be busy: the fastest of ten says what the plugin needs.
  let fastestMs = first.ms;
  for (let run = 2; run <= 10 && fastestMs >= 300; run += 1)
    fastestMs = Math.min(fastestMs, (await runPlugin(step)).ms);

  expectExit(first, 2);
  const lines = first.output.split('\n');
  const named = names.filter((name) => lines.some((line) => new RegExp(`(PLUGIN_)?\\b${name}\\b`, 'i').test(line)));
  expect(named).toEqual(names);
  expect(lines.filter((line) => /^ {2}/.test(line)).length).toBeGreaterThanOrEqual(10);
  expect(fastestMs).toBeLessThan(300);
  expect([daemon.count(), registry.count()]).toEqual([0, 0]);
});
