// The time of the workspace's commit, from loose and from packed objects.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCommitSeconds } from '../../../src/settings/commit-time.ts';
import { workspaceFiles } from '../../../src/settings/workspace-files.ts';
import { commitAll, git } from '../../support/git-server.ts';
import { temporaryFolder } from './step.ts';

function repository(): string {
  const folder = temporaryFolder({ file: 'x' });
  git(folder, ['init', '--quiet', '--initial-branch=main']);
  commitAll(folder, '2024-02-03T04:05:06Z');
  return folder;
}

const seconds = Date.UTC(2024, 1, 3, 4, 5, 6) / 1000;
const timeOf = (folder: string): Promise<number | undefined> => readCommitSeconds(workspaceFiles(folder));

describe('the time of the commit', () => {
  it('is that of the committer', async () => {
    expect(await timeOf(repository())).toBe(seconds);
  });

  it('is found when HEAD is detached and everything is packed, as pipelines clone', async () => {
    const folder = repository();
    git(folder, ['checkout', '--quiet', '--detach']);
    git(folder, ['gc', '--quiet']);
    expect(await timeOf(folder)).toBe(seconds);
  });

  it('is unknown without a repository, without a commit, and through a link to a repository elsewhere', async () => {
    expect(await timeOf(temporaryFolder())).toBeUndefined();
    const empty = temporaryFolder();
    git(empty, ['init', '--quiet']);
    expect(await timeOf(empty)).toBeUndefined();
    const linked = temporaryFolder();
    symlinkSync(join(repository(), '.git'), join(linked, '.git'));
    expect(await timeOf(linked)).toBeUndefined();
  });
});
