// Writes a tree that the daemon sends into an empty folder of our own. Nothing is written outside of it whatever paths
// come: names are checked, and every parent must be a folder that this writer made itself, so no link stands in the way.
import { type FileHandle, link, lutimes, mkdir, open, symlink } from 'node:fs/promises';
import { fsPath, quotePath } from './byte-text.ts';
import type { AnnouncedEntry } from './received-packets.ts';
import { isDirectory, isRegularFile, isSymlink } from './stat.ts';

const goSticky = 0x00100000;
const unixSticky = 0o1000;
const msPerSecond = 1000;

/** A path or link that a tree may not hold. */
export class UnsafePathError extends Error {
  constructor(path: string, reason: string) {
    super(`the build result holds ${quotePath(path)}, ${reason}`);
    this.name = 'UnsafePathError';
  }
}

/** A folder's last touch, due once nothing more is put into it. */
export interface FolderFacts {
  /** Relative to the root; byte text. */
  readonly path: string;
  /** Unix permission bits. */
  readonly mode: number;
  readonly modifiedMs: number;
}

/** A file whose content is wanted. */
export interface OpenOutput {
  write(bytes: Uint8Array): Promise<void>;
  /** The content has ended. Throws when it is not as long as was announced. */
  complete(): Promise<void>;
  /** Closes a file that stays as it is. */
  abandon(): Promise<void>;
}

/** Fills one folder. Owners are ours, and so setuid and setgid are left out: they would hand out our rights. */
export class FolderWriter {
  readonly #root: string;
  readonly #folders = new Map<string, FolderFacts | undefined>([['', undefined]]);
  readonly #made = new Map<string, Promise<unknown>>();
  readonly #files = new Set<string>();
  readonly #links: { readonly path: string; readonly to: string }[] = [];
  #skipped = 0;

  /** @param root absolute path of an empty folder, byte text */
  constructor(root: string) {
    this.#root = root;
  }

  /** Folders in the order in which they came: parents first. */
  get folders(): readonly FolderFacts[] {
    return [...this.#folders.values()].filter((facts) => facts !== undefined);
  }

  /** Devices, pipes and sockets, which are left out. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Makes an entry. @returns where the content goes when the entry is a file that has to be asked for */
  async add(entry: AnnouncedEntry): Promise<OpenOutput | undefined> {
    const { path, mode, linkName } = entry;
    this.#checkPath(path);
    if (isDirectory(mode)) {
      await this.#addFolder(entry);
      return undefined;
    }
    this.#checkNew(path);
    this.#files.add(path);
    if (isSymlink(mode)) {
      await symlink(fsPath(linkName), this.#at(path));
      await lutimes(this.#at(path), fileTime(entry.modifiedMs), fileTime(entry.modifiedMs));
    } else if (!isRegularFile(mode)) {
      this.#skipped += 1;
      return undefined;
    } else if (linkName !== '') {
      this.#links.push({ path, to: this.#checkedLink(path, linkName) });
    }
    if (!isRegularFile(mode) || linkName !== '') return undefined;
    return new DiskOutput(this.#at(path), entry);
  }

  /** Makes the hard links, whose files are complete only now. */
  async finish(): Promise<void> {
    for (const { path, to } of this.#links.splice(0)) await link(this.#at(to), this.#at(path));
  }

  async #addFolder({ path, mode, modifiedMs }: AnnouncedEntry): Promise<void> {
    if (this.#files.has(path)) throw new UnsafePathError(path, 'as a file and as a folder');
    this.#folders.set(path, { path, mode: unixMode(mode), modifiedMs });
    // Two platforms without folders of their own share theirs, and may come at the same time.
    const made = this.#made.get(path) ?? mkdir(this.#at(path), { mode: 0o700 });
    this.#made.set(path, made);
    await made;
  }

  #checkPath(path: string): void {
    const names = path.split('/');
    if (path === '' || path.includes('\0') || names.some((name) => name === '' || name === '.' || name === '..')) {
      throw new UnsafePathError(path, 'which is no path inside of it');
    }
    if (!this.#folders.has(names.slice(0, -1).join('/'))) {
      throw new UnsafePathError(path, 'whose folder it has not announced');
    }
  }

  #checkNew(path: string): void {
    if (this.#files.has(path) || this.#folders.has(path)) throw new UnsafePathError(path, 'which it has twice');
  }

  #checkedLink(path: string, linkName: string): string {
    const to = linkName.replace(/^\/+/, '');
    if (!this.#files.has(to))
      throw new UnsafePathError(path, `a hard link to ${quotePath(linkName)}, which is no file`);
    return to;
  }

  #at(path: string): string | Buffer {
    return fsPath(`${this.#root}/${path}`);
  }
}

class DiskOutput implements OpenOutput {
  readonly #path: string | Buffer;
  readonly #entry: AnnouncedEntry;
  #handle: FileHandle | undefined;
  #writtenBytes = 0;

  constructor(path: string | Buffer, entry: AnnouncedEntry) {
    this.#path = path;
    this.#entry = entry;
  }

  async write(bytes: Uint8Array): Promise<void> {
    // Opened with the first block: all of a tree's files are announced before most of their content comes.
    this.#handle ??= await open(this.#path, 'wx', 0o600);
    await this.#handle.writeFile(bytes);
    this.#writtenBytes += bytes.length;
  }

  async complete(): Promise<void> {
    const { path, mode, sizeBytes, modifiedMs } = this.#entry;
    if (this.#writtenBytes !== sizeBytes) {
      throw new UnsafePathError(path, `of which ${this.#writtenBytes} of ${sizeBytes} bytes came`);
    }
    const handle = (this.#handle ??= await open(this.#path, 'wx', 0o600));
    await handle.chmod(unixMode(mode));
    await handle.utimes(fileTime(modifiedMs), fileTime(modifiedMs));
    await this.abandon();
  }

  async abandon(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

/** A time as node:fs takes it: of a negative number it would make the present. */
export function fileTime(modifiedMs: number): number | Date {
  return modifiedMs < 0 ? new Date(modifiedMs) : modifiedMs / msPerSecond;
}

function unixMode(goMode: number): number {
  return (goMode & 0o777) | ((goMode & goSticky) === 0 ? 0 : unixSticky);
}
