// A folder that exists only in this process, for a Dockerfile given as text. Its files look the same on every run, so
// that the daemon asks for them only when their content is new: the time of change is made from the content.
import { createHash } from 'node:crypto';
import { bytesOf, joinPath } from './byte-text.ts';
import { FileTreeError, type FileTree, type OpenFile, type OpenFolder } from './file-tree.ts';
import { cleanPath } from './patterns.ts';
import { type FileStat, goFileMode } from './stat.ts';

/** Times of change are spread over this many seconds from 1970 on: all of them valid everywhere. */
const timeRangeSeconds = 2 ** 31;
const nsPerSecond = 1_000_000_000n;

interface MemoryFile {
  readonly content: Buffer;
  readonly stat: FileStat;
}

/** The tree of the given files; folders on the way to them are there too. */
export class MemoryTree implements FileTree {
  readonly #files = new Map<string, MemoryFile>();
  readonly #folders = new Map<string, Set<string>>([['', new Set()]]);

  /** @param files content by path relative to the root (ordinary text) */
  constructor(files: ReadonlyMap<string, Uint8Array>) {
    for (const [name, content] of files) {
      const path = bytesOf(cleanPath(`/${name}`).slice(1));
      this.#files.set(path, {
        content: Buffer.from(content),
        stat: statOf(0o100644, content, BigInt(this.#files.size)),
      });
      const names = path.split('/');
      for (let depth = 0; depth < names.length; depth++) {
        const folder = names.slice(0, depth).join('/');
        const known = this.#folders.get(folder) ?? new Set();
        this.#folders.set(folder, known.add(names[depth] ?? ''));
      }
    }
  }

  openFolder(path: string): OpenFolder | undefined {
    const names = this.#folders.get(path);
    if (names === undefined) return undefined;
    return {
      names: [...names].sort(),
      stat: (name) => {
        const child = joinPath(path, name);
        if (this.#folders.has(child)) return statOf(0o040755, Buffer.alloc(0), 0n);
        return this.#files.get(child)?.stat;
      },
      close: () => {},
    };
  }

  openFile(path: string): OpenFile {
    const file = this.#files.get(path);
    if (file === undefined) throw new FileTreeError(path, 'is no file');
    let at = 0;
    return {
      readWhole: (target) => {
        file.content.copy(target);
      },
      readBlock: async (target) => {
        const count = file.content.copy(target, 0, at);
        at += count;
        return count;
      },
      close: () => {},
    };
  }
}

function statOf(unixMode: number, content: Uint8Array, inode: bigint): FileStat {
  const hash = createHash('sha256').update(content).digest();
  const seconds = BigInt(hash.readUInt32BE(0) % timeRangeSeconds);
  return {
    mode: goFileMode(unixMode),
    sizeBytes: content.length,
    modifiedNs: seconds * nsPerSecond + BigInt(hash.readUInt32BE(4) % Number(nsPerSecond)),
    linkTarget: '',
    deviceMajor: 0,
    deviceMinor: 0,
    device: 0n,
    inode,
    isShared: false,
  };
}
