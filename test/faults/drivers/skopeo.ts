// skopeo copying an image from a folder. It repeats nothing by default.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { imageOf } from '../make-image.ts';
import type { Driver } from './driver.ts';
import { writeLayout } from './image-folder.ts';
import { runForEach, runTool } from './run-tool.ts';

/** @param retryTimes for `--retry-times`: 0 is skopeo's default */
export function skopeo(retryTimes: number): Driver {
  return {
    name: retryTimes === 0 ? 'skopeo' : `skopeo --retry-times ${retryTimes}`,
    version: execFileSync('skopeo', ['--version'], { encoding: 'utf8' })
      .replace(/^skopeo version /, '')
      .trim(),
    prepare: async ({ workspace, id, content }) => {
      const image = await imageOf(id, content);
      writeLayout(join(workspace, 'image'), image);
      return { wanted: { digest: image.manifest.digest }, clean: async () => undefined };
    },
    publish: async (job, signal) => {
      const env = { PATH: process.env['PATH'] ?? '', HOME: job.workspace, TMPDIR: job.temporary };
      const flags = [`--retry-times=${retryTimes}`, '--dest-tls-verify=false', '--insecure-policy'];
      return runForEach(job.tags, (tag) => {
        const to = `docker://${job.host}/${job.repositories[0]}:${tag}`;
        return runTool('skopeo', ['copy', ...flags, `oci:${join(job.workspace, 'image')}`, to], env, signal);
      });
    },
  };
}
