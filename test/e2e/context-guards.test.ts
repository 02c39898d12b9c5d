// Logins in a context, keys for a build and flags of another program: what of them a real build saw.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startRegistryWithBase } from '../support/base-image.ts';
import { contrastingEngineKinds } from '../support/engines.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, unpackImage } from '../support/skopeo.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
});

afterAll(async () => {
  await registry.stop();
});

/** An agent with a key of its own, and the public half of that key. */
function startAgent(): { readonly socket: string; readonly publicKey: string } {
  const folder = makeTemporaryFolder();
  const socket = join(folder, 'agent');
  const said = execFileSync('ssh-agent', ['-a', socket], { encoding: 'utf8' });
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]);
  onTestFinished(() => void process.kill(pid));
  const key = join(folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'in the agent', '-f', key]);
  execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  return { socket, publicKey: keyPart(readFileSync(`${key}.pub`, 'utf8')) };
}

/** Without the comment. */
function keyPart(line: string): string {
  return line.trim().split(' ').slice(0, 2).join(' ');
}

describe.each(contrastingEngineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);

  async function build(
    name: string,
    files: Parameters<typeof makeWorkspace>[0],
    settings: Readonly<Record<string, string | boolean>> = {},
    env: Readonly<Record<string, string>> = {},
  ): Promise<PluginResult & { readonly root: () => Promise<string> }> {
    const repo = `${registry.host}/${kind}/${name}`;
    const step = await runPlugin({
      cwd: makeWorkspace(files),
      host: engine.host,
      settings: { repo, ...settings },
      env,
    });
    return { ...step, root: () => unpackImage({ reference: `${repo}:latest` }, makeTemporaryFolder()) };
  }

  it('names files with logins that are sent, and with strict_context sends none of them', async () => {
    const files = {
      Dockerfile: 'FROM scratch\nCOPY . /context/\n',
      '.npmrc': '//registry.example.com/:_authToken=hunter22\n',
      'ignored/.netrc': 'machine a login b password hunter22\n',
      '.dockerignore': 'ignored\n',
    };
    const warned = await build('logins', files);
    expectExit(warned, 0);
    expect(warned.output).toContain('holds .npmrc with a token');
    expect(warned.output).not.toContain('.netrc');
    expect(warned.output).not.toContain('hunter22');

    const strict = await build('strict', files, { strict_context: true });
    expectExit(strict, 2);
    expect(strict.output).toContain('settings.strict_context');
    expect(strict.output).toContain('list .npmrc in .dockerignore');
    expect(await listTags({ reference: `${registry.host}/${kind}/strict` })).toEqual([]);

    const clean = await build('clean', { ...files, '.dockerignore': 'ignored\n.npmrc\n' }, { strict_context: true });
    expectExit(clean, 0);
    expect(existsSync(join(await clean.root(), 'context/.npmrc'))).toBe(false);
  });

  it('lets steps sign with the agent of the step and with key files, each by its id', async () => {
    const agent = startAgent();
    const folder = makeTemporaryFolder();
    execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-C', 'of a file', '-f', join(folder, 'key')]);
    const dockerfile = [
      `FROM ${base}`,
      'RUN --mount=type=ssh ssh-add -L >/agent.pub && (ssh-add -D; true)',
      'RUN --mount=type=ssh echo hello >/message && ssh-keygen -q -Y sign -f /agent.pub -n test /message',
      'RUN --mount=type=ssh,id=file ssh-add -L >/file.pub',
      '',
    ].join('\n');
    const step = await build(
      'ssh',
      { Dockerfile: dockerfile, 'keys/deploy': readFileSync(join(folder, 'key'), 'utf8'), '.dockerignore': '*' },
      { ssh: 'default,file=keys/deploy', no_cache: true },
      { SSH_AUTH_SOCK: agent.socket },
    );
    expectExit(step, 0);
    const root = await step.root();
    const read = (name: string): string => keyPart(readFileSync(join(root, name), 'utf8'));
    expect(read('agent.pub')).toBe(agent.publicKey);
    expect(read('file.pub')).toBe(keyPart(readFileSync(join(folder, 'key.pub'), 'utf8')));
    expect(existsSync(join(root, 'message.sig'))).toBe(true);
    // A step may not empty the agent that it was lent.
    const left = execFileSync('ssh-add', ['-L'], {
      encoding: 'utf8',
      env: { ...process.env, SSH_AUTH_SOCK: agent.socket },
    });
    expect(keyPart(left)).toBe(agent.publicKey);
    expect(step.output).not.toContain('PRIVATE KEY');
  });

  it('does what flags of buildx ask for, as the settings of the same meaning', async () => {
    const Dockerfile = [
      `FROM ${base} AS wanted`,
      'ARG ONE',
      'ARG TWO',
      'RUN echo "$ONE $TWO" >/seen',
      'FROM scratch AS other',
      '',
    ].join('\n');
    const flags = '--target wanted,--build-arg=ONE=1,2,--label=from=flag,--push,--file=app.Dockerfile';
    const step = await build('flags', { 'app.Dockerfile': Dockerfile }, { buildx_options: flags, build_args: 'TWO=3' });
    expectExit(step, 0);
    expect(readFileSync(join(await step.root(), 'seen'), 'utf8')).toBe('1,2 3\n');
    expect(step.output).toContain('--push is not used');
  });
});
