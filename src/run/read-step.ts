// Chapter: what the step asks for. Its env_file is read before the settings, and the commit's time only when it is wanted.
import type { BuildInfo } from '../settings/build-info.ts';
import { readBuildInfo } from '../settings/build-info.ts';
import { readCommitSeconds } from '../settings/commit-time.ts';
import { readEnvFile } from '../settings/env-file.ts';
import { readSettings, type Request } from '../settings/read-settings.ts';
import { workspaceFiles } from '../settings/workspace-files.ts';
import type { Tools } from './tools.ts';

export interface Step {
  readonly request: Request;
  readonly info: BuildInfo;
}

/** Reads the step. Throws SettingsError with everything that is wrong. */
export async function readStep({ world, redact }: Pick<Tools, 'world' | 'redact'>): Promise<Step> {
  const { argv } = world;
  const files = workspaceFiles(world.cwd);
  // The pipeline's facts are the runner's alone: a file of the workspace must not say that this is no pull request.
  const facts = readBuildInfo(world.env);
  const isPullRequest = facts.event.startsWith('pull');
  const { env, findings, notes } = await readEnvFile({ env: world.env, argv, files, isPullRequest });
  const request = readSettings({ env, argv, files, redact, before: { findings, notes } });
  const wantsCommit =
    'settings' in request &&
    (request.settings.values.source_date_epoch === 'commit' || request.settings.values.reproducible);
  const commitSeconds = wantsCommit ? await readCommitSeconds(files) : undefined;
  return { request, info: commitSeconds === undefined ? facts : { ...facts, commitSeconds } };
}
