// Variables from a file of the workspace: what they may say, and who wins.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readEnvFile, type FileEnvironment } from '../../../src/settings/env-file.ts';
import { workspaceFiles } from '../../../src/settings/workspace-files.ts';
import { temporaryFolder } from './step.ts';

async function read(
  text: string | undefined,
  env: Readonly<Record<string, string>> = {},
  isPullRequest = false,
): Promise<FileEnvironment> {
  const folder = temporaryFolder(text === undefined ? {} : { '.env': text });
  const files = workspaceFiles(folder);
  return await readEnvFile({ env: { PLUGIN_ENV_FILE: '.env', ...env }, argv: [], files, isPullRequest });
}

describe('env_file', () => {
  it('adds variables with the quoting of dotenv, and overrides none', async () => {
    const text = '# comment\nPLUGIN_TAGS=1.2\nexport A="two\nlines"\nB=\'# no comment\'\n\nC=file # comment\n';
    const { env, findings, notes } = await read(text, { C: 'runner' });
    expect(env).toMatchObject({ PLUGIN_TAGS: '1.2', A: 'two\nlines', B: '# no comment', C: 'runner' });
    expect(findings).toEqual({ problems: [], warnings: [] });
    expect(notes).toEqual([]);
  });

  it('does not override a setting that is spelt differently', async () => {
    const { env } = await read('PLUGIN_SSH_AGENT_KEY=file\n', { 'PLUGIN_SSH-AGENT-KEY': 'runner' });
    expect(env).not.toHaveProperty('PLUGIN_SSH_AGENT_KEY');
  });

  it('is not needed: a missing one is a warning', async () => {
    const { findings } = await read(undefined);
    expect(findings.problems).toEqual([]);
    expect(findings.warnings).toEqual(['settings.env_file: ".env" does not exist; not used']);
  });

  it('may be given as a flag', async () => {
    const files = workspaceFiles(temporaryFolder({ 'the.env': 'A=1\n' }));
    const { env } = await readEnvFile({ env: {}, argv: ['--env-file', 'the.env'], files, isPullRequest: false });
    expect(env).toEqual({ A: '1' });
  });

  it('names the line that is no variable', async () => {
    expect((await read('A=1\nB="x\ny"\nnonsense\n')).findings.problems).toEqual([
      'settings.env_file: line 4 of ".env" is not NAME=value; must be a text file with a line NAME=value for each variable',
    ]);
  });

  it.each([
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'PATH',
    'HOME',
    'DOCKER_HOST',
    'PLUGIN_DOCKER_HOST',
    'plugin_docker-host',
    'DOCKER_TLS_VERIFY',
    'PLUGIN_DOCKER_TLS_CA',
    'DOCKER_CERT_PATH',
    'http_proxy',
    'HTTPS_PROXY',
    'PLUGIN_HTTP_PROXY',
    'HARNESS_HTTP_PROXY',
    'SSL_CERT_FILE',
  ])('refuses %s by name and shows no value', async (name) => {
    const { env, findings } = await read(`${name}=the-value\n`);
    expect(env).not.toHaveProperty(name);
    expect(findings.problems).toHaveLength(1);
    expect(findings.problems[0]).toContain(`it sets ${name}`);
    expect(findings.problems[0]).not.toContain('the-value');
  });

  it.each([
    'PLUGIN_REGISTRY',
    'DOCKER_REGISTRY',
    'PLUGIN_REPO',
    'PLUGIN_CONFIG',
    'PLUGIN_REGISTRY_CONFIG',
    'PLUGIN_LOGINS',
    'PLUGIN_INSECURE',
    'PLUGIN_INSECURE_REGISTRY',
    'PLUGIN_BASE_IMAGE_REGISTRY',
    'PLUGIN_DOCKER_REGISTRY',
    'PLUGIN_CA_CERT',
    'PLUGIN_EXTRA_TAGS',
    'DOCKER_AUTH_CONFIG',
  ])('takes %s with a note, and refuses it in a pull request', async (name) => {
    const trusted = await read(`${name}=x\n`);
    expect(trusted.env).toHaveProperty(name, 'x');
    expect(trusted.notes).toEqual([`${name} come from env_file`]);
    const strange = await read(`${name}=x\n`, {}, true);
    expect(strange.findings.problems[0]).toContain(`it sets ${name}`);
  });

  it('is not read through a link that leaves the workspace', async () => {
    const folder = temporaryFolder();
    symlinkSync(join(temporaryFolder({ secret: 'A=1\n' }), 'secret'), join(folder, '.env'));
    const files = workspaceFiles(folder);
    const { findings } = await readEnvFile({ env: { PLUGIN_ENV_FILE: '.env' }, argv: [], files, isPullRequest: false });
    expect(findings.problems[0]).toContain('leads out of the workspace');
  });
});
