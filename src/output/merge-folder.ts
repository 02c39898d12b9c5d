// Puts a tree that is complete in place of one that exists: its files replace files of the same name, all others stay.
// Nothing is moved before it is known that everything fits. Links in the existing tree are replaced, never followed.
import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { rename, rm, unlink } from 'node:fs/promises';
import { fsPath, quotePath } from '../buildkit/fsutil/byte-text.ts';
import { OutputConflict } from './output-failure.ts';

/** Merges. Both are absolute paths (byte text) on one disk. Throws OutputConflict before anything was moved. */
export async function mergeFolder(from: string, to: string): Promise<void> {
  const moves: Move[] = [];
  plan(from, to, '', moves);
  for (const { path, replaces } of moves) {
    if (replaces) await unlink(fsPath(`${to}${path}`));
    await rename(fsPath(`${from}${path}`), fsPath(`${to}${path}`));
  }
  await rm(fsPath(from), { recursive: true, force: true });
}

interface Move {
  /** With a slash in front. */
  readonly path: string;
  /** A file or link stands where a folder comes: rename alone would not replace it. */
  readonly replaces: boolean;
}

/** Folders that both have are entered; whatever else is there moves as a whole. */
function plan(from: string, to: string, folder: string, moves: Move[]): void {
  for (const entry of entriesOf(`${from}${folder}`)) {
    const path = `${folder}/${entry.name}`;
    const existing = lstatSync(fsPath(`${to}${path}`), { throwIfNoEntry: false });
    const isFolder = entry.isDirectory();
    if (existing?.isDirectory() !== true) {
      moves.push({ path, replaces: existing !== undefined && isFolder });
    } else if (isFolder) {
      plan(from, to, path, moves);
    } else {
      throw new OutputConflict(`${quotePath(path.slice(1))} is a folder there, and no folder in the build result`);
    }
  }
}

function entriesOf(folder: string): readonly Dirent[] {
  const entries = readdirSync(fsPath(folder), { withFileTypes: true, encoding: 'latin1' });
  // What names the rest comes last: an index of a layout, after its blobs.
  return entries.sort((a, b) => Number(b.isDirectory()) - Number(a.isDirectory()));
}
