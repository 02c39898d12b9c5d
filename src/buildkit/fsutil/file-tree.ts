// A folder to read from, seen as the walk and the sender need it: names, facts, content. disk-tree.ts reads the disk,
// memory-tree.ts a handful of files that exist only in this process. All paths are byte text relative to the root ('').
import { quotePath } from './byte-text.ts';
import type { FileStat } from './stat.ts';

/** A tree of files. Nothing in it is ever followed through a link. */
export interface FileTree {
  /** undefined when the folder is gone. Throws FileTreeError. */
  openFolder(path: string): OpenFolder | undefined;
  /** Opens the very file that `seen` was taken of, with the size it had. Throws FileTreeError when it is gone or another. */
  openFile(path: string, seen: FileStat): OpenFile;
}

/** A folder held open, so that what is asked about its names cannot be led elsewhere meanwhile. Must be closed. */
export interface OpenFolder {
  /** In byte order. */
  readonly names: readonly string[];
  /** undefined when there is no such name (any more). Throws FileTreeError. */
  stat(name: string): FileStat | undefined;
  close(): void;
}

/** A file held open for reading from start to end. Throws FileTreeError when it does not end where it was seen to. */
export interface OpenFile {
  /** Reads all of the file into a target of its size. */
  readWhole(target: Buffer): void;
  /** Fills the target from where the last read ended, off the event loop. Less than its length is the last, 0 is the end. */
  readBlock(target: Buffer): Promise<number>;
  close(): void;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EIO: 'the disk reports an I/O error',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files on this machine',
  ENAMETOOLONG: 'its path is too long',
  ENOENT: 'it is gone',
  ESTALE: 'it is gone from the file server',
};

/** A file or folder that cannot be read. The message names it relative to the root, and the reason. */
export class FileTreeError extends Error {
  /** errno name when the system refused, e.g. `EACCES`. */
  readonly code: string | undefined;

  /** What to do about it, where there is something. */
  get hint(): string | undefined {
    if (this.code === 'EACCES') return 'make it readable, or list it in .dockerignore';
    if (this.code === undefined || this.code === 'ENOENT') {
      return 'let no other step or service write to it during the build, or list it in .dockerignore';
    }
    return undefined;
  }

  constructor(path: string, reason: string, code?: string) {
    super(`${path === '' ? 'the root of the folder' : quotePath(path)}: ${reason}`);
    this.name = 'FileTreeError';
    this.code = code;
  }
}

/** errno name of a thrown value, if it has one. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Words a failed system call for people: what, which path, why. */
export function systemError(path: string, doing: string, error: unknown): FileTreeError {
  const code = errnoOf(error);
  const reason = code === undefined ? String(error) : (reasons[code] ?? code);
  return new FileTreeError(path, `${doing}: ${reason}`, code);
}
