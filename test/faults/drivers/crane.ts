// crane pushing an image from a folder; only where somebody has installed it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { imageOf } from '../make-image.ts';
import type { Driver } from './driver.ts';
import { writeLayout } from './image-folder.ts';
import { runForEach, runTool } from './run-tool.ts';

/** @returns undefined when there is no crane on the PATH */
export function crane(): Driver | undefined {
  const asked = spawnSync('crane', ['version'], { encoding: 'utf8' });
  if (asked.status !== 0) return undefined;
  return {
    name: 'crane',
    version: asked.stdout.trim(),
    prepare: async ({ workspace, id, content }) => {
      const image = await imageOf(id, content);
      writeLayout(join(workspace, 'image'), image);
      return { wanted: { digest: image.manifest.digest }, clean: async () => undefined };
    },
    publish: async (job, signal) => {
      const env = { PATH: process.env['PATH'] ?? '', HOME: job.workspace, TMPDIR: job.temporary };
      return runForEach(job.tags, (tag) => {
        const to = `${job.host}/${job.repositories[0]}:${tag}`;
        return runTool('crane', ['push', '--insecure', join(job.workspace, 'image'), to], env, signal);
      });
    },
  };
}
