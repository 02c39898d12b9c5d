// A folder on disk. Whoever can write to it while we read (a pull request's own background process) must not make us
// read anything outside: folders are held open and asked through their descriptor, which also tells where it really is;
// files are opened without following a link and must be the file that was announced. Linux; without /proc (a
// developer's Mac) the descriptor cannot be asked, and the inode check has to do.
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { isPartialName } from '../../base/partial-name.ts';
import { fsPath, joinPath } from './byte-text.ts';
import { errnoOf, FileTreeError, type FileTree, type OpenFile, type OpenFolder, systemError } from './file-tree.ts';
import { type FileStat, fileStat, isRegularFile, isSameFile, isSymlink } from './stat.ts';

const descriptors = '/proc/self/fd';
const folderFlags = fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW;
/** O_NONBLOCK: a file that was swapped for a named pipe must not make us wait for its writer. */
const fileFlags = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK;

const readAsync = promisify(fs.read);
const swapped = 'was replaced by something else while it was being read';
const resized = 'changed its size while it was being sent';

/** The tree below a folder on disk. */
export class DiskTree implements FileTree {
  readonly #root: string;
  readonly #hasDescriptors: boolean;

  /** @param root byte text of an absolute path that realpath() has given: opening it must end exactly there */
  constructor(root: string) {
    this.#root = root;
    this.#hasDescriptors = fs.existsSync(descriptors);
  }

  openFolder(path: string): OpenFolder | undefined {
    let descriptor: number;
    try {
      descriptor = fs.openSync(this.#absolute(path), folderFlags);
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'ENOENT' && path !== '') return undefined;
      // The walk has seen a folder here: a link in its place is an attack or an accident, and not read either way.
      if (code === 'ELOOP' || code === 'ENOTDIR') throw new FileTreeError(path, swapped);
      throw systemError(path, 'cannot be opened', error);
    }
    try {
      if (!this.#isAt(descriptor, path)) throw new FileTreeError(path, swapped);
      return new DiskFolder(path, descriptor, this.#hasDescriptors ? `${descriptors}/${descriptor}` : this.#at(path));
    } catch (error) {
      fs.closeSync(descriptor);
      throw error;
    }
  }

  openFile(path: string, seen: FileStat): OpenFile {
    let descriptor: number;
    try {
      descriptor = fs.openSync(this.#absolute(path), fileFlags);
    } catch (error) {
      if (errnoOf(error) === 'ELOOP') throw new FileTreeError(path, swapped);
      throw systemError(path, 'cannot be opened', error);
    }
    try {
      const found = fileStat(fs.fstatSync(descriptor, { bigint: true }));
      if (!isRegularFile(found.mode) || !isSameFile(found, seen) || !this.#isAt(descriptor, path)) {
        throw new FileTreeError(path, swapped);
      }
      if (found.sizeBytes !== seen.sizeBytes) throw new FileTreeError(path, resized);
      return new DiskFile(path, descriptor, seen.sizeBytes);
    } catch (error) {
      fs.closeSync(descriptor);
      throw error;
    }
  }

  #at(path: string): string {
    return path === '' ? this.#root : joinPath(this.#root === '/' ? '' : this.#root, path);
  }

  #absolute(path: string): string | Buffer {
    return fsPath(this.#at(path));
  }

  /** True when the descriptor is of exactly this path: no folder on the way was a link. */
  #isAt(descriptor: number, path: string): boolean {
    if (!this.#hasDescriptors) return true;
    try {
      return fs.readlinkSync(`${descriptors}/${descriptor}`, 'latin1') === this.#at(path);
    } catch (error) {
      throw systemError(path, 'cannot be located', error);
    }
  }
}

class DiskFolder implements OpenFolder {
  readonly names: readonly string[];
  readonly #path: string;
  readonly #descriptor: number;
  readonly #base: string;

  constructor(path: string, descriptor: number, base: string) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#base = base;
    try {
      // Byte text compares as bytes do, whatever the locale.
      const names = fs.readdirSync(fsPath(base), 'latin1').sort();
      // What a step is writing just now, this one or a neighbour, is nobody's source.
      this.names = names.filter((name) => !isPartialName(name));
    } catch (error) {
      throw systemError(path, 'cannot be listed', error);
    }
  }

  stat(name: string): FileStat | undefined {
    const path = fsPath(`${this.#base}/${name}`);
    try {
      const stats = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
      if (stats === undefined) return undefined;
      const stat = fileStat(stats);
      return isSymlink(stat.mode) ? { ...stat, linkTarget: fs.readlinkSync(path, 'latin1') } : stat;
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'ENOENT') return undefined;
      if (code === 'EINVAL') throw new FileTreeError(joinPath(this.#path, name), swapped);
      throw systemError(joinPath(this.#path, name), 'cannot be read', error);
    }
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}

class DiskFile implements OpenFile {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #sizeBytes: number;
  #readBytes = 0;

  constructor(path: string, descriptor: number, sizeBytes: number) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#sizeBytes = sizeBytes;
  }

  readWhole(target: Buffer): void {
    let filled = 0;
    while (filled < target.length) {
      const count = this.#readSome(target, filled);
      if (count === 0) break;
      filled += count;
    }
    const isLonger = this.#readSome(Buffer.allocUnsafe(1), 0) > 0;
    if (filled < target.length || isLonger) throw new FileTreeError(this.#path, resized);
  }

  async readBlock(target: Buffer): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const count = await this.#readMore(target, filled);
      if (count === 0) break;
      filled += count;
    }
    this.#readBytes += filled;
    const isShort = filled < target.length && this.#readBytes < this.#sizeBytes;
    if (isShort || this.#readBytes > this.#sizeBytes) throw new FileTreeError(this.#path, resized);
    return filled;
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }

  #readSome(target: Buffer, start: number): number {
    try {
      return fs.readSync(this.#descriptor, target, start, target.length - start, null);
    } catch (error) {
      throw systemError(this.#path, 'cannot be read', error);
    }
  }

  async #readMore(target: Buffer, start: number): Promise<number> {
    try {
      return (await readAsync(this.#descriptor, target, start, target.length - start, null)).bytesRead;
    } catch (error) {
      throw systemError(this.#path, 'cannot be read', error);
    }
  }
}
