// `docker push` of an image that the daemon has already under its real name. It has no flag that would make it more patient.
import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { EngineAddress } from '../../support/engines.ts';
import { docker } from '../../support/docker.ts';
import { imageLabel, imageOf } from '../make-image.ts';
import type { Driver } from './driver.ts';
import { runForEach, runTool } from './run-tool.ts';

const execute = promisify(execFile);

export function dockerPush(engine: EngineAddress): Driver {
  const asked = execFileSync(engine.dockerCli, ['version', '--format', '{{.Server.Version}}'], {
    encoding: 'utf8',
    env: { ...engine.env },
  });
  return {
    name: `docker push (${engine.store === 'containerd' ? 'containerd' : 'graph-driver'} store)`,
    version: asked.trim(),
    engine,
    prepare: async ({ workspace, host, repositories: [repository], tags, id, content }) => {
      const archive = join(workspace, 'layer.tar');
      writeFileSync(archive, (await imageOf(id, content)).layerTar);
      const names = tags.map((tag) => `${host}/${repository}:${tag}`);
      const [first = '', ...others] = names;
      const change = `LABEL ${imageLabel}=${id}`;
      await execute(engine.dockerCli, ['import', '--change', change, archive, first], { env: { ...engine.env } });
      for (const name of others) await docker(engine, 'tag', first, name);
      return { wanted: { label: id }, clean: async () => void (await docker(engine, 'rmi', ...names)) };
    },
    publish: async ({ host, repositories: [repository], tags }, signal) =>
      runForEach(tags, (tag) =>
        runTool(engine.dockerCli, ['push', `${host}/${repository}:${tag}`], engine.env, signal),
      ),
  };
}
