// How the two tools are called for the same build: the plugin as a pipeline step, buildx as its own program with an own, empty
// configuration. Both talk to the same daemon, and neither adds labels or attestations.
import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { EngineAddress } from '../../test/support/engines.ts';
import type { Command, Tool } from './measure.ts';

export interface Build {
  readonly engine: EngineAddress;
  readonly context: string;
  /** Stands for the repository: another one has nothing in the daemon yet. */
  readonly project: string;
  /** `host/name`; without it, the result stays in the build cache. */
  readonly repository?: string;
  readonly tags: readonly string[];
  /** For the tools' own files; the plugin is kept there. */
  readonly folder: string;
}

const built = resolve(import.meta.dirname, '..', '..', 'dist');

/** Keeps a copy of the plugin in `folder`, so that a rebuild in the meantime is not measured. */
export function keepPlugin(folder: string): void {
  cpSync(built, join(folder, 'plugin'), { recursive: true });
}

/** The command of a tool for a build. */
export function commandFor(tool: Tool, build: Build): Command {
  return tool === 'plugin' ? pluginCommand(build) : buildxCommand(build);
}

function pluginCommand({ engine, context, project, repository, tags, folder }: Build): Command {
  const destination: Record<string, string> =
    repository === undefined ? { PLUGIN_DRY_RUN: 'true' } : { PLUGIN_REPO: repository, PLUGIN_TAGS: tags.join(',') };
  return {
    tool: 'plugin',
    program: process.execPath,
    args: [join(folder, 'plugin', 'main.js')],
    cwd: context,
    env: {
      ...environment(engine, context),
      ...destination,
      PLUGIN_AUTO_LABEL: 'false',
      DRONE_REPO: `bench/${project}`,
    },
  };
}

function buildxCommand({ engine, context, repository, tags, folder }: Build): Command {
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const destination =
    repository === undefined
      ? ['--output=type=cacheonly']
      : ['--push', ...tags.map((tag) => `--tag=${repository}:${tag}`)];
  return {
    tool: 'buildx',
    program: join(dirname(engine.dockerCli), '..', '..', 'docker-26.1', 'bin', 'docker-buildx'),
    args: ['build', '--progress=plain', '--provenance=false', ...destination, '.'],
    cwd: context,
    env: environment(engine, home),
  };
}

function environment(engine: EngineAddress, home: string): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: home, DOCKER_HOST: engine.host };
}
