// An agent of this machine behind the session: listing and signing pass, nothing else does.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeBytesMessage, encodeBytesMessage } from '../../../../src/buildkit/fsutil/wire.ts';
import { sshString } from '../../../../src/buildkit/session/agent-key.ts';
import { sshCapability } from '../../../../src/buildkit/session/ssh.ts';
import { TestCall } from '../fsutil/receiving-daemon.ts';

function temporarySocket(): string {
  const folder = mkdtempSync(join(tmpdir(), 'agent-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'socket');
}

/** Answers each request with its own type and the request's; in two pieces, as networks do. */
async function startAgent(heard: Buffer[]): Promise<string> {
  const path = temporarySocket();
  const server = createServer((socket) => {
    socket.on('data', (request: Buffer) => {
      heard.push(request);
      const answer = sshString(Buffer.concat([Buffer.from([12]), request.subarray(4)]));
      socket.write(answer.subarray(0, 3));
      setImmediate(() => socket.write(answer.subarray(3)));
    });
  }).listen(path);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return path;
}

async function talk(agentSocket: string, requests: readonly Buffer[]): Promise<readonly Buffer[]> {
  const capability = sshCapability(new Map([['mine', { agentSocket }]]));
  const call = new TestCall({ 'buildkit.ssh.id': ['mine'] });
  const answers: Buffer[] = [];
  call.onMessage = (message) => answers.push(decodeBytesMessage(message));
  for (const request of requests) call.give(encodeBytesMessage(sshString(request)));
  call.end();
  await capability.methods.get('/moby.sshforward.v1.SSH/ForwardAgent')?.(call);
  return answers;
}

describe('a forwarded agent', () => {
  it('is asked for its keys and for signatures, and for nothing else', async () => {
    const heard: Buffer[] = [];
    const agent = await startAgent(heard);
    const [list, sign, add, removeAll, lock, extension] = [11, 13, 17, 19, 22, 27].map((type) => Buffer.from([type]));
    if (!list || !sign || !add || !removeAll || !lock || !extension) throw new Error('six requests');
    const answers = await talk(agent, [list, add, removeAll, lock, extension, sign]);
    const failure = sshString(Buffer.from([5]));
    expect(answers).toEqual([
      sshString(Buffer.from([12, 11])),
      failure,
      failure,
      failure,
      failure,
      sshString(Buffer.from([12, 13])),
    ]);
    expect(Buffer.concat(heard)).toEqual(Buffer.concat([sshString(list), sshString(sign)]));
  });

  it('that is not there is an error of the step', async () => {
    await expect(talk(temporarySocket(), [Buffer.from([11])])).rejects.toThrow('does not answer');
  });

  it('that hangs up is an error of the step', async () => {
    const path = temporarySocket();
    const server = createServer((socket) => socket.end()).listen(path);
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    await expect(talk(path, [Buffer.from([11])])).rejects.toThrow('hung up');
  });

  it('of OpenSSH lists no keys when it has none', async () => {
    const path = temporarySocket();
    const said = execFileSync('ssh-agent', ['-a', path], { encoding: 'utf8' });
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]);
    onTestFinished(() => void process.kill(pid));
    expect(await talk(path, [Buffer.from([11])])).toEqual([sshString(Buffer.from([12, 0, 0, 0, 0]))]);
  });
});
