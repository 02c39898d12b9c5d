// Serves the build's local folders to the daemon (service moby.filesync.v1.FileSync). Each call asks for one folder by
// name and says which part of it is wanted; only folders that were offered are ever read.
// Metadata of a call: buildkit session/filesync.
import { realpathSync } from 'node:fs';
import type { Log } from '../../base/log.ts';
import { PluginError } from '../../base/plugin-error.ts';
import { textOf } from '../fsutil/byte-text.ts';
import { DiskTree } from '../fsutil/disk-tree.ts';
import { errnoOf, FileTreeError, type FileTree } from '../fsutil/file-tree.ts';
import { PathFilter } from '../fsutil/filter.ts';
import { followPaths } from '../fsutil/follow-paths.ts';
import { GlobSyntaxError } from '../fsutil/glob.ts';
import { MemoryTree } from '../fsutil/memory-tree.ts';
import type { FileEntry } from '../fsutil/packets.ts';
import { sendTree } from '../fsutil/send.ts';
import { RpcError, type ServerCall, type SessionCapability } from './capability.ts';

const rpcNotFound = 5;

/** A folder that the daemon may read. */
export interface LocalDirectory {
  /** Absolute. Resolved once, when the capability is made; pass what the guard has resolved to leave no gap. */
  readonly root: string;
  /** When set, these files (content by relative path) are served and nothing from the disk. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

/**
 * Told of each file that is going to be listed for the daemon: the folder's name, its path in it, and how to read it. What
 * it throws ends the transfer before the file is listed.
 */
export type WatchEntry = (folder: string, path: string, sizeBytes: number, read: () => Buffer) => void;

/**
 * The capability that lets the daemon fetch local folders.
 * @param options.directories folders by the name that the daemon asks for: `context`, `dockerfile`, named contexts
 * @throws PluginError (exit 2) when a root cannot be resolved
 */
export function fileSyncCapability(options: {
  readonly directories: ReadonlyMap<string, LocalDirectory>;
  readonly log: Log;
  readonly watch?: WatchEntry;
}): SessionCapability {
  const trees = new Map<string, FileTree>();
  for (const [name, directory] of options.directories) trees.set(name, treeOf(directory));
  return {
    methods: new Map([['/moby.filesync.v1.FileSync/DiffCopy', (call) => serve(call, trees, options)]]),
  };
}

function treeOf({ root, files }: LocalDirectory): FileTree {
  if (files !== undefined) return new MemoryTree(files);
  try {
    return new DiskTree(realpathSync.native(root, 'latin1'));
  } catch (error) {
    throw new PluginError({
      code: 'folder-not-readable',
      exitCode: 2,
      message: `cannot open the folder ${root}: ${errnoOf(error) === 'ENOENT' ? 'there is none' : String(error)}`,
      cause: error,
    });
  }
}

async function serve(
  call: ServerCall,
  trees: ReadonlyMap<string, FileTree>,
  { log, watch }: { readonly log: Log; readonly watch?: WatchEntry },
): Promise<void> {
  const name = readHeader(call, 'dir-name')[0] ?? '';
  const tree = trees.get(name);
  if (tree === undefined) throw new RpcError(rpcNotFound, `the folder "${name}" is not offered to this build`);
  const startMs = performance.now();
  try {
    const sent = await sendTree(
      tree,
      filterFor(call, tree),
      call,
      watch && ((entry) => tell(watch, name, tree, entry)),
    );
    const durationMs = Math.round(performance.now() - startMs);
    log.debug(
      `folder "${name}": ${sent.entries} entries, ${sent.files} files asked for ` +
        `(${sent.fileBytes} bytes), ${sent.wireBytes} bytes sent in ${durationMs} ms`,
    );
  } catch (error) {
    throw wordFailure(name, error);
  }
}

function tell(watch: WatchEntry, folder: string, tree: FileTree, { path, stat }: FileEntry): void {
  watch(folder, textOf(path), stat.sizeBytes, () => {
    const content = Buffer.alloc(stat.sizeBytes);
    const file = tree.openFile(path, stat);
    try {
      file.readWhole(content);
    } finally {
      file.close();
    }
    return content;
  });
}

/** What people can do something about is told to them by us: the daemon would only pass the text on. */
function wordFailure(name: string, cause: unknown): unknown {
  if (cause instanceof FileTreeError) {
    const message = `sending the folder "${name}" to the daemon failed: ${cause.message}`;
    return new PluginError({ code: 'folder-not-readable', exitCode: 1, message, hint: cause.hint, cause });
  }
  if (cause instanceof GlobSyntaxError) {
    const message = `the ignore file of the folder "${name}": ${cause.message}`;
    return new PluginError({ code: 'pattern-malformed', exitCode: 2, message, cause });
  }
  return cause;
}

function filterFor(call: ServerCall, tree: FileTree): PathFilter {
  const followed = readHeader(call, 'followpaths');
  const targets = followed.length === 0 ? undefined : followPaths(tree, followed);
  return new PathFilter({
    includes: [...readHeader(call, 'include-patterns'), ...(targets ?? [])],
    excludes: readHeader(call, 'exclude-patterns'),
  });
}

/** The values of a header as text. Newer daemons escape them and say so; old ones send UTF-8, which HTTP shows as latin1. */
function readHeader(call: ServerCall, name: string): readonly string[] {
  const values = call.headerValues(name);
  const isEscaped = /^(?:1|t|true)$/i.test(call.headerValues(`${name}-encoded`)[0] ?? '');
  return values.map((value) => Buffer.from(isEscaped ? unescapeQuery(value) : value, 'latin1').toString('utf8'));
}

/** `+` is a space and %XX a byte; anything else stays. Returns a character per byte. */
function unescapeQuery(value: string): string {
  return value
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
