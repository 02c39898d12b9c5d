// Lists what of a tree is to be sent, in the one order that the daemon accepts: a folder right before what is in it,
// names in byte order, and above each path all its folders even when the filter alone would not send them. Works in
// short slices, because the daemon's health checks are answered by the same event loop.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { joinPath } from './byte-text.ts';
import { FileTreeError, type FileTree } from './file-tree.ts';
import type { FolderMatch, PathFilter } from './filter.ts';
import type { FileEntry } from './packets.ts';
import { type FileStat, isDirectory, isRegularFile, isSocket } from './stat.ts';

/** Small enough that requests are read and data is written while a big tree is still being walked. */
const maxBatchEntries = 256;
/** A slice ends after this time even when few entries were found; health checks allow seconds. */
const maxSliceMs = 8;
/** Looking at the clock costs a little too. */
const stepsPerLook = 16;

/** Found below a folder and not filtered out for good. */
interface Child {
  readonly path: string;
  readonly stat: FileStat;
  readonly passes: boolean;
  readonly match: FolderMatch;
}

/** A folder that is being walked. */
interface Frame {
  /** undefined for the root, which is not sent. */
  readonly entry: FileEntry | undefined;
  isSent: boolean;
  readonly children: readonly Child[];
  next: number;
}

/** The entries to send, in order, in batches. Links are never followed. Throws FileTreeError naming what cannot be read. */
export async function* walk(
  tree: FileTree,
  filter: PathFilter,
  signal: AbortSignal,
): AsyncGenerator<readonly FileEntry[], void, void> {
  let batch: FileEntry[] = [];
  let sliceEndMs = performance.now() + maxSliceMs;
  let steps = 0;
  for (const entry of visit(tree, filter)) {
    if (entry !== undefined) batch.push(entry);
    const isTimeToLook = ++steps % stepsPerLook === 0;
    if (batch.length < maxBatchEntries && !(isTimeToLook && performance.now() >= sliceEndMs)) continue;
    if (batch.length > 0) yield batch;
    batch = [];
    await nextTurn();
    signal.throwIfAborted();
    sliceEndMs = performance.now() + maxSliceMs;
  }
  if (batch.length > 0) yield batch;
}

/** Visits the tree depth first. Yields undefined after work that found nothing to send. */
function* visit(tree: FileTree, filter: PathFilter): Generator<FileEntry | undefined, void, void> {
  const links = new HardLinks();
  const frames: Frame[] = [];
  const enter = function* (
    path: string,
    match: FolderMatch | undefined,
    entry: FileEntry | undefined,
    isSent: boolean,
  ) {
    const children = yield* readChildren(tree, filter, path, match, isSent);
    frames.push({ entry, isSent, children, next: 0 });
  };
  yield* enter('', undefined, undefined, true);
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const child = frame.children[frame.next++];
    if (child === undefined) {
      frames.pop();
      continue;
    }
    const isFolder = isDirectory(child.stat.mode);
    const entry = { path: child.path, stat: child.stat, linkName: child.stat.linkTarget };
    if (child.passes) {
      for (const above of frames) {
        if (!above.isSent && above.entry !== undefined) yield above.entry;
        above.isSent = true;
      }
      yield links.resolve(entry);
    }
    if (isFolder) yield* enter(child.path, child.match, entry, child.passes);
  }
}

/** Reads one folder: its children that pass, and the folders below which something may. */
function* readChildren(
  tree: FileTree,
  filter: PathFilter,
  path: string,
  match: FolderMatch | undefined,
  isSent: boolean,
): Generator<undefined, readonly Child[], void> {
  const folder = orUndefinedWhenFiltered(!isSent, () => tree.openFolder(path));
  if (folder === undefined) return [];
  const children: Child[] = [];
  try {
    for (const name of folder.names) {
      const childPath = joinPath(path, name);
      const verdict = filter.check(childPath, match);
      // Without a look at the file: most of what is excluded is never touched.
      if (!verdict.passes && verdict.isDeadEnd) {
        yield undefined;
        continue;
      }
      const stat = orUndefinedWhenFiltered(!verdict.passes, () => folder.stat(name));
      if (stat !== undefined && !isSocket(stat.mode) && (verdict.passes || isDirectory(stat.mode))) {
        children.push({ path: childPath, stat, passes: verdict.passes, match: verdict });
      }
      yield undefined;
    }
  } finally {
    folder.close();
  }
  return children;
}

/** What is filtered out may be unreadable: nobody asked for it. */
function orUndefinedWhenFiltered<T>(isFiltered: boolean, readIt: () => T): T | undefined {
  try {
    return readIt();
  } catch (error) {
    if (isFiltered && error instanceof FileTreeError && error.code === 'EACCES') return undefined;
    throw error;
  }
}

/** Names of one file after the first are sent as links to it. */
class HardLinks {
  readonly #firstPaths = new Map<string, string>();

  resolve(entry: FileEntry): FileEntry {
    if (!entry.stat.isShared || !isRegularFile(entry.stat.mode)) return entry;
    const key = `${entry.stat.device}:${entry.stat.inode}`;
    const first = this.#firstPaths.get(key);
    if (first !== undefined) return { ...entry, linkName: first };
    this.#firstPaths.set(key, entry.path);
    return entry;
  }
}
