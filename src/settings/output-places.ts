// Where outputs are written. The rules are those of every path (workspace-files.ts), for files that do not exist yet: a
// link in the workspace must not lead the output out of it. The places are real paths, so that nothing is followed later.
import { accessSync, constants, lstatSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { quote } from './reading.ts';
import type { WorkspaceFiles } from './workspace-files.ts';

/** A place to write to. */
export interface OutputPlace {
  /** Absolute; folders that exist are real ones. */
  readonly path: string;
  readonly existing: 'nothing' | 'file' | 'folder';
  /** A folder that exists, on the disk of `path`: what is not complete lies in here. */
  readonly base: string;
}

export type Placed =
  { readonly ok: true; readonly place: OutputPlace } | { readonly ok: false; readonly wrong: string };

/** Finds the place of an output and checks that it may be written. Makes nothing. */
export function findPlace(files: WorkspaceFiles, written: string, wanted: 'file' | 'folder'): Placed {
  const found = files.find(written, { followOutsideLinks: false });
  switch (found.kind) {
    case 'refused':
      return { ok: false, wrong: found.wrong };
    case 'other':
      return { ok: false, wrong: `${quote(written)} is ${found.what}` };
    case 'file':
      if (wanted === 'folder') return { ok: false, wrong: `${quote(written)} is a file, not a directory` };
      return writable({ path: found.path, existing: 'file', base: dirname(found.path) }, written);
    case 'directory':
      if (wanted === 'file') return { ok: false, wrong: `${quote(written)} is a directory` };
      if (found.path === '/') return { ok: false, wrong: 'it is the whole file system' };
      return writable({ path: found.path, existing: 'folder', base: found.path }, written);
    case 'missing':
      return placeBelow(files, written);
  }
}

/** The way down from the last folder that exists. */
function placeBelow(files: WorkspaceFiles, written: string): Placed {
  let at = resolve(files.workspace, written);
  let below = '';
  for (;;) {
    if (isLink(at)) return { ok: false, wrong: `${quote(written)} goes through a link that leads nowhere` };
    below = join(basename(at), below);
    at = dirname(at);
    const found = files.find(at, { followOutsideLinks: false });
    if (found.kind === 'missing') continue;
    if (found.kind === 'refused') return { ok: false, wrong: found.wrong };
    if (found.kind !== 'directory') return { ok: false, wrong: `${quote(at)} is not a directory` };
    return writable({ path: join(found.path, below), existing: 'nothing', base: found.path }, written);
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  } catch {
    // A file stands where a folder should be: the next step up says so.
    return false;
  }
}

function writable(place: OutputPlace, written: string): Placed {
  try {
    accessSync(place.base, constants.W_OK | constants.X_OK);
    return { ok: true, place };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why = code === 'EROFS' ? 'is on a read-only disk' : 'may not be written by this step';
    return { ok: false, wrong: `${quote(written)} ${why} (${place.base})` };
  }
}
