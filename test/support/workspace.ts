// Workspaces for steps under test: a throwaway folder with the files that a test names, removed when the test is over.
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Text or bytes of a file, or a link to make. */
export type WorkspaceFile =
  | string
  | Buffer
  | { readonly symlink: string }
  | { readonly hardlink: string }
  | { readonly text: string; readonly mode: number };

/** Makes a workspace with these files (path to content); it lives until the end of the running test. */
export function makeWorkspace(files: Readonly<Record<string, WorkspaceFile>> = {}): string {
  const folder = makeTemporaryFolder();
  addFiles(folder, files);
  return folder;
}

/** A folder that lives until the end of the running test. */
export function makeTemporaryFolder(): string {
  const { path, remove } = makeStandingFolder();
  onTestFinished(remove);
  return path;
}

/** A folder that somebody has to remove: for hooks, where there is no running test. */
export function makeStandingFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'docker-build-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes files into an existing folder; hard links name a path of the same workspace that comes earlier. */
export function addFiles(folder: string, files: Readonly<Record<string, WorkspaceFile>>): void {
  for (const [path, file] of Object.entries(files)) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    if (typeof file === 'string' || Buffer.isBuffer(file)) writeFileSync(target, file);
    else if ('symlink' in file) symlinkSync(file.symlink, target);
    else if ('hardlink' in file) linkSync(join(folder, file.hardlink), target);
    else {
      writeFileSync(target, file.text);
      chmodSync(target, file.mode);
    }
  }
}
