// The plugin as a pipeline step, by each of its roads: out of a graph-driver store, by the daemon's own push, out of a containerd
// store by request, and from registry to registry.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineAddress, EngineKind } from '../../support/engines.ts';
import { pluginFolder, startPlugin } from '../../support/run-plugin.ts';
import type { BenchRegistry } from '../bench-registries.ts';
import type { ScenarioName } from '../fault-case.ts';
import { imageLabel, layerFile, makeIndex, putImage } from '../make-image.ts';
import { dropRepository } from '../registry-graph.ts';
import type { Driver, PreparedJob, PublishEnd, PublishJob } from './driver.ts';

/** The engine of each scenario; promotion needs none. */
export const engineOfScenario: Readonly<Record<ScenarioName, EngineKind | undefined>> = {
  'plugin upload (26.1 graphdriver)': 'docker-26.1-graphdriver',
  'plugin upload (20.10)': 'docker-20.10',
  'daemon push (26.1 containerd)': 'docker-26.1-containerd',
  'plugin upload (26.1 containerd, push_via: plugin)': 'docker-26.1-containerd',
  promotion: undefined,
};

/** Nothing listens there: a promotion that asks a daemon for anything fails. */
const noDaemon = 'unix:///nonexistent/docker.sock';
/** Short enough for a bench, long enough for a machine that is busy with other runs. */
const shortTimeouts = { request_timeout: '5s' };
const packageFile = join(pluginFolder, '..', 'package.json');

/** The plugin building with a daemon, and publishing by the road of the scenario. */
export function buildingPlugin(scenario: Exclude<ScenarioName, 'promotion'>, engine: EngineAddress): Driver {
  const road: Record<string, string> = scenario.includes('push_via') ? { push_via: 'plugin' } : {};
  return {
    name: scenario,
    version: versionOf(),
    scenario,
    engine,
    prepare: async ({ workspace, content, id }) => {
      writeFileSync(join(workspace, layerFile), content);
      writeFileSync(join(workspace, 'Dockerfile'), `FROM scratch\nLABEL ${imageLabel}=${id}\nCOPY ${layerFile} /\n`);
      return { wanted: { label: id }, clean: async () => undefined };
    },
    publish: (job, signal) => runStep(job, road, engine.host, signal),
  };
}

/** The plugin copying an index of two platforms from a registry that is well. */
export function promotingPlugin(elsewhere: BenchRegistry): Driver {
  const placeOf = (job: PublishJob): { registry: BenchRegistry; repository: string } => ({
    registry: job.isMountable ? job.registry : elsewhere,
    repository: `sources/${job.id}`,
  });
  return {
    name: 'promotion',
    version: versionOf(),
    scenario: 'promotion',
    prepare: async (job): Promise<PreparedJob> => {
      const index = await makeIndex(job.id, job.content);
      const { registry, repository } = placeOf(job);
      await putImage(registry, repository, index, ['source']);
      const clean = async (): Promise<void> => dropRepository(registry, repository);
      return { wanted: { digest: index.manifest.digest }, clean };
    },
    publish: (job, signal) => {
      const from = `${job.isMountable ? job.host : elsewhere.host}/${placeOf(job).repository}:source`;
      const settings = { push_only: 'true', source_image: from };
      return runStep(job, settings, noDaemon, signal);
    },
  };
}

async function runStep(
  job: PublishJob,
  road: Readonly<Record<string, string>>,
  host: string,
  signal: AbortSignal,
): Promise<PublishEnd> {
  const login = job.registry.login === undefined ? {} : { registry: job.host, ...job.registry.login };
  const running = startPlugin({
    cwd: job.workspace,
    host,
    env: { TMPDIR: job.temporary },
    settings: {
      repo: job.repositories.map((repository) => `${job.host}/${repository}`),
      tags: job.tags,
      ...shortTimeouts,
      ...login,
      ...road,
      ...job.settings,
    },
  });
  const kill = (): void => void running.process.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  try {
    const { exitCode, output, ms } = await running.result;
    return { exitCode, output, ms };
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
  return version;
}
