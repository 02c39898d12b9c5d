// Every example is a file that people copy: its settings must be known, accepted and free of warnings. The examples that one
// machine can run are run by test/e2e/examples.test.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSettings } from '../../src/settings/read-settings.ts';
import { table } from '../../src/settings/table.ts';
import { workspaceFiles } from '../../src/settings/workspace-files.ts';
import { examplesFolder, folderOf, type PipelineExample, pipelineExamples, stepsOf } from '../support/examples.ts';
import { type PluginSpec, stepEnvironment } from '../support/pipeline-env.ts';

const secrets = {
  registry_username: 'builder',
  registry_password: 'builder-password',
  api_token: 'token-of-the-test',
  docker_ca: 'text of ca.pem',
  docker_cert: 'text of cert.pem',
  docker_key: 'text of key.pem',
};

/** The only thing that an example is told about: it is what that example's first lines warn of. */
const expectedWarnings: Readonly<Record<string, readonly unknown[]>> = {
  'tcp-daemon': [expect.stringContaining('without TLS')],
};

const steps = pipelineExamples.flatMap((example) =>
  stepsOf(example).map((step): [string, PipelineExample, PluginSpec] => [
    `${example.name}, step ${step.name}`,
    example,
    step,
  ]),
);

it('is in the list, with at least one step that uses the plugin', () => {
  const listed = [...pipelineExamples.map(({ name }) => name), 'sysbox'];
  expect(readdirSync(examplesFolder).sort()).toEqual(listed.sort());
  expect(pipelineExamples.filter((example) => stepsOf(example).length === 0)).toEqual([]);
});

describe.each(steps)('%s', (_, example, step) => {
  it('uses the plugin under one name with a pinned version', () => {
    expect(step.image).toBe('registry.example.com/docker-build:1');
  });

  it('uses settings that work in this version', () => {
    const status = Object.keys(step.settings).map((name) => [name, table.get(name)?.status]);
    expect(status).toEqual(Object.keys(step.settings).map((name) => [name, 'works']));
  });

  it('has every setting accepted', () => {
    const redacted: string[] = [];
    const request = readSettings({
      env: { ...example.facts, ...stepEnvironment(step, example.runner, secrets) },
      argv: [],
      files: workspaceFiles(folderOf(example)),
      redact: (secret) => redacted.push(secret),
    });
    expect(request).toMatchObject({ mode: 'run', warnings: expectedWarnings[example.name] ?? [] });
    expect(redacted).toContain(secrets.registry_password);
  });
});

describe('the system-container example', () => {
  const folder = join(examplesFolder, 'sysbox');
  const outside = readServices(join(folder, 'docker-compose.yml'));
  const inside = readServices(join(folder, 'inside', 'docker-compose.yml'));

  it('runs its daemon under Sysbox, with its data on a volume', () => {
    expect(Object.keys(outside)).toEqual(['drone']);
    expect(outside['drone']).toMatchObject({
      runtime: 'sysbox-runc',
      volumes: expect.arrayContaining(['docker:/var/lib/docker']),
    });
  });

  it('gives nothing more rights than a container has', () => {
    for (const service of Object.values({ ...outside, ...inside })) {
      for (const key of ['privileged', 'cap_add', 'devices', 'pid', 'network_mode', 'security_opt', 'userns_mode']) {
        expect(service).not.toHaveProperty(key);
      }
    }
  });

  it('does not mount the socket of the machine', () => {
    expect(JSON.stringify(outside['drone']?.['volumes'])).not.toContain('docker.sock');
  });

  it('has the runner give steps the inner socket, in two parts', () => {
    const socket = '/var/run/docker.sock:/var/run/docker.sock';
    expect(inside['runner']).toMatchObject({
      volumes: [socket],
      environment: { DRONE_RUNNER_VOLUMES: socket },
    });
  });

  it('takes every secret from a file that is not there, and lists all of them to be filled in', () => {
    const wanted = readFileSync(join(folder, 'inside', 'docker-compose.yml'), 'utf8').matchAll(/\$\{(\w+)(.*?)\}/g);
    const names = new Map([...wanted].map(([, name = '', rest = '']) => [name, rest]));
    expect(new Set(names.values())).toEqual(new Set([':?']));
    const lines = readFileSync(join(folder, 'drone.env.example'), 'utf8').split('\n');
    const listed = lines.filter((line) => line !== '' && !line.startsWith('#'));
    expect(listed.sort()).toEqual([...names.keys()].map((name) => `${name}=`).sort());
  });

  it('has a daemon.json that is JSON and keeps the build cache within a size', () => {
    const config: unknown = JSON.parse(readFileSync(join(folder, 'daemon.json'), 'utf8'));
    expect(config).toMatchObject({ builder: { gc: { enabled: true } } });
  });
});

function readServices(path: string): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const file: unknown = parse(readFileSync(path, 'utf8'));
  if (!isMap(file) || !isMap(file['services'])) throw new Error(`${path} has no services`);
  return Object.fromEntries(
    Object.entries(file['services']).map(([name, service]) => {
      if (!isMap(service)) throw new Error(`${path}: ${name} is no service`);
      return [name, service];
    }),
  );
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
