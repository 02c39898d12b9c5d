// What the daemon is told about a file. The mode is Go's os.FileMode, which has its own bits for types and special
// permissions; owner and group are always sent as 0, since who checked a file out must not change a cache key.
// https://pkg.go.dev/io/fs#FileMode, buildkit fsutil.types.Stat
import type { BigIntStats } from 'node:fs';

const goDirectory = 0x80000000;
const goSymlink = 0x08000000;
const goDevice = 0x04000000;
const goNamedPipe = 0x02000000;
const goSocket = 0x01000000;
const goSetuid = 0x00800000;
const goSetgid = 0x00400000;
const goCharDevice = 0x00200000;
const goSticky = 0x00100000;
const goIrregular = 0x00080000;
const goTypeBits = goDirectory | goSymlink | goDevice | goNamedPipe | goSocket | goCharDevice | goIrregular;

/** Type bits of st_mode (S_IFMT) and Go's bits for them. */
const goTypes: ReadonlyMap<number, number> = new Map([
  [0o100000, 0],
  [0o040000, goDirectory],
  [0o120000, goSymlink],
  [0o060000, goDevice],
  [0o020000, goDevice | goCharDevice],
  [0o010000, goNamedPipe],
  [0o140000, goSocket],
]);

/** Facts of one file, taken by lstat. */
export interface FileStat {
  /** Go's FileMode. */
  readonly mode: number;
  /** 0 for directories; the length of the target for symlinks. */
  readonly sizeBytes: number;
  /** mtime in ns since 1970. */
  readonly modifiedNs: bigint;
  /** Raw target of a symlink (byte text), else ''. */
  readonly linkTarget: string;
  /** Numbers of a device node, else 0. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** st_dev and st_ino: tell whether a path still names the same file. */
  readonly device: bigint;
  readonly inode: bigint;
  /** Other names of this file may exist (st_nlink > 1). */
  readonly isShared: boolean;
}

/** Go's FileMode for a Unix st_mode. */
export function goFileMode(unixMode: number): number {
  let mode = (unixMode & 0o777) | (goTypes.get(unixMode & 0o170000) ?? goIrregular);
  if ((unixMode & 0o4000) !== 0) mode |= goSetuid;
  if ((unixMode & 0o2000) !== 0) mode |= goSetgid;
  if ((unixMode & 0o1000) !== 0) mode |= goSticky;
  return mode >>> 0;
}

export function isDirectory(mode: number): boolean {
  return (mode & goDirectory) !== 0;
}

export function isSymlink(mode: number): boolean {
  return (mode & goSymlink) !== 0;
}

export function isSocket(mode: number): boolean {
  return (mode & goSocket) !== 0;
}

/** True for the only kind of entry whose content the daemon may ask for. */
export function isRegularFile(mode: number): boolean {
  return (mode & goTypeBits) === 0;
}

/** FileStat of an lstat or fstat result. The target of a symlink is read by the caller. */
export function fileStat(stats: BigIntStats, linkTarget = ''): FileStat {
  const mode = goFileMode(Number(stats.mode));
  const rdev = (mode & goDevice) === 0 ? 0n : stats.rdev;
  return {
    mode,
    sizeBytes: isDirectory(mode) ? 0 : Number(stats.size),
    modifiedNs: stats.mtimeNs,
    linkTarget,
    deviceMajor: Number((rdev >> 8n) & 0xfffn),
    deviceMinor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xfff00n)),
    device: stats.dev,
    inode: stats.ino,
    isShared: stats.nlink > 1n,
  };
}

/** True when both name the same file on disk (its content may have changed). */
export function isSameFile(a: FileStat, b: FileStat): boolean {
  return a.inode === b.inode && a.device === b.device;
}
