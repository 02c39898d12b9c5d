// The archive that `push_only` publishes: found and checked before anything is connected, by the rules for all paths.
import { addProblem, type Findings } from './findings.ts';
import { quote } from './reading.ts';
import type { SourceArchive } from './settings.ts';
import type { Values } from './table.ts';
import type { Found, WorkspaceFiles } from './workspace-files.ts';

/** undefined when none was asked for, or what was is no good; problems go to the findings. */
export function readArchive(values: Values, files: WorkspaceFiles, findings: Findings): SourceArchive | undefined {
  const { source_tar_path: display, follow_outside_links: followOutsideLinks } = values;
  if (display === undefined || !values.push_only) return undefined;
  const found = files.find(display, { followOutsideLinks });
  const wrong = archiveProblem(display, found);
  if (wrong !== undefined) {
    const right = 'must be a tar file of docker save or an OCI archive, or the folder of an OCI layout';
    addProblem(findings, 'source_tar_path', { wrong, right });
  }
  if (found.kind === 'file') return { path: found.path, display, isDirectory: false };
  return found.kind === 'directory' ? { path: found.path, display, isDirectory: true } : undefined;
}

function archiveProblem(written: string, found: Found): string | undefined {
  switch (found.kind) {
    case 'directory':
      return undefined;
    case 'file':
      return found.sizeBytes === 0 ? `${quote(written)} is empty` : undefined;
    case 'other':
      return `${quote(written)} is ${found.what}`;
    case 'missing':
      return `${quote(written)} does not exist`;
    case 'refused':
      return found.wrong;
  }
}
