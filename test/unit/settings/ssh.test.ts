// What build steps may sign with: ids, key files and agents.
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { goodStep, readStep, temporaryFolder, workspace } from './step.ts';

const key = (): string => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

async function listen(path: string): Promise<void> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
}

describe('ssh', () => {
  it('reads key files by id, several for one id, and beside ssh_agent_key', () => {
    const [one, two, own] = [key(), key(), key()];
    const folder = workspace({ 'keys/one': one, 'keys/two': two });
    const step = { ssh: 'a=keys/one,keys/two,b=keys/two', ssh_agent_key: own };
    expect(goodStep(step, folder).ssh).toEqual([
      { id: 'default', keys: [own] },
      { id: 'a', keys: [one, two] },
      { id: 'b', keys: [two] },
    ]);
    expect(readStep(step, folder).redacted).toContain(one);
  });

  it('forwards the agent of the step, or one at a path', async () => {
    const folder = workspace();
    await listen(join(folder, 'agent'));
    const agentSocket = join(folder, 'agent');
    expect(goodStep({ ssh: 'default', SSH_AUTH_SOCK: agentSocket }, folder).ssh).toEqual([
      { id: 'default', agentSocket },
    ]);
    expect(goodStep({ ssh: 'mine=agent' }, folder).ssh).toEqual([{ id: 'mine', agentSocket }]);
    const environment = JSON.stringify({ SSH_AUTH_SOCK: agentSocket });
    expect(readStep({ ssh: 'default', environment }, folder).problems).toEqual([
      expect.stringContaining('SSH_AUTH_SOCK is not set'),
    ]);
  });

  it.each([
    [{ ssh: 'default' }, 'SSH_AUTH_SOCK is not set'],
    [{ ssh: 'default', SSH_AUTH_SOCK: '/nowhere' }, 'SSH_AUTH_SOCK leads to no socket'],
    [{ ssh: 'a=nowhere' }, '"nowhere" does not exist'],
    [{ ssh: 'a=Dockerfile' }, 'PRIVATE KEY'],
    [{ ssh: 'a=' }, 'nothing stands behind "a="'],
    [{ ssh: 'a b=c' }, '"a b" is not an id'],
    [{ ssh: 'a=x,a=y' }, 'given twice'],
    [{ ssh: 'a=/proc/self/environ' }, 'leads into /proc'],
    [{ ssh: 'default=Dockerfile', ssh_agent_key: key() }, 'that of ssh_agent_key'],
  ])('refuses %j', (settings, wrong) => {
    expect(readStep(settings as Record<string, string>).problems.join('\n')).toContain(wrong);
  });

  it('does not follow a link out of the workspace', () => {
    const folder = workspace();
    symlinkSync(join(temporaryFolder({ key: key() }), 'key'), join(folder, 'key'));
    expect(readStep({ ssh: 'a=key' }, folder).problems).toEqual([
      expect.stringContaining('leads out of the workspace'),
    ]);
    expect(readStep({ ssh: 'a=key', follow_outside_links: 'true' }, folder).problems).toEqual([]);
  });
});
