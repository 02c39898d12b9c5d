// When the commit was made that the workspace is at, for source_date_epoch: commit. Read from the repository itself,
// since pipelines tell the commit's name but not its time. Only the workspace's own .git is looked at.
import fs from 'node:fs';
import { join } from 'node:path';
import type { WorkspaceFiles } from './workspace-files.ts';

/** Unix seconds of the committer's date; undefined when the workspace has no commit that can be read. */
export async function readCommitSeconds(files: WorkspaceFiles): Promise<number | undefined> {
  // A link could lead to a repository of somebody else.
  const found = files.find('.git', { followOutsideLinks: false });
  if (found.kind !== 'directory') return undefined;
  // The largest of our parts, and few steps ask for it.
  const { default: git } = await import('isomorphic-git');
  const repository = { fs, dir: files.workspace, gitdir: join(files.workspace, '.git') };
  try {
    const oid = await git.resolveRef({ ...repository, ref: 'HEAD' });
    const { commit } = await git.readCommit({ ...repository, oid });
    return commit.committer.timestamp;
  } catch {
    // An empty repository, a damaged one, or one whose objects are elsewhere: the caller has another source and says so.
    return undefined;
  }
}
