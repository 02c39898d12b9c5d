// The files that settings name. A path inside the workspace must not lead out of it by links: whoever opens a pull request
// controls the workspace, and a link to /proc/self/environ would hand out the step's secrets. A path that a setting itself
// places outside (a mounted volume) is fine; /proc, /sys and /dev never are.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { quote } from './reading.ts';

/** What a path leads to. */
export type Found =
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number }
  | { readonly kind: 'directory'; readonly path: string }
  /** A fifo, a device, a socket. */
  | { readonly kind: 'other'; readonly what: string }
  | { readonly kind: 'missing' }
  /** Must not be used; `wrong` says why. */
  | { readonly kind: 'refused'; readonly wrong: string };

export type FileText =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly wrong: string; readonly missing: boolean };

export interface FileRules {
  /** Links may lead out of the workspace. */
  readonly followOutsideLinks: boolean;
}

/** The files of a step. */
export interface WorkspaceFiles {
  /** Absolute; settings are relative to it. */
  readonly workspace: string;
  /** What a path leads to, links followed within the rules. `path` is then the real one. */
  find(path: string, rules: FileRules): Found;
  /** Reads a regular file of at most `maxBytes`. */
  readSmallFile(path: string, rules: FileRules & { readonly maxBytes: number }): FileText;
}

/** The real files, seen from a working directory. */
export function workspaceFiles(workspace: string): WorkspaceFiles {
  const root = realpathSync(workspace);
  return {
    workspace: root,
    find: (path, rules) => find(root, path, rules),
    readSmallFile: (path, rules) => readSmallFile(root, path, rules),
  };
}

const forbidden = ['/proc', '/sys', '/dev'];

/** True for a folder and for what is in it, by the text of the paths. */
export function isBelow(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

function find(root: string, path: string, rules: FileRules): Found {
  if (path.includes('\0')) return { kind: 'refused', wrong: 'its path holds a NUL byte' };
  const given = resolve(root, path);
  try {
    const real = realpathSync(given);
    const refusal = refusalOf(root, given, real, rules);
    return refusal === undefined ? describe(real, statSync(real)) : { kind: 'refused', wrong: refusal };
  } catch (error) {
    return failed(error, path);
  }
}

function refusalOf(root: string, given: string, real: string, rules: FileRules): string | undefined {
  const place = forbidden.find((directory) => isBelow(directory, real));
  if (place !== undefined) return `it leads into ${place}`;
  if (rules.followOutsideLinks || isBelow(root, real)) return undefined;
  const way = prefixes(given);
  // Links may change while we look: that the path comes through the workspace and ends outside is enough to refuse it.
  if (!way.some((prefix) => isBelow(root, realpathSync(prefix)))) return undefined;
  return `the link ${quote(leavingLink(root, way))} leads out of the workspace`;
}

/** `/a`, `/a/b`, `/a/b/c`. */
function prefixes(path: string): readonly string[] {
  const parts = path.split(sep).filter((part) => part !== '');
  return parts.map((_, index) => `${sep}${parts.slice(0, index + 1).join(sep)}`);
}

/** The link by which a path that came into the workspace leaves it again, as seen from the workspace. */
function leavingLink(root: string, way: readonly string[]): string {
  let inside = false;
  for (const prefix of way) {
    const isInside = isBelow(root, realpathSync(prefix));
    if (inside && !isInside) return isBelow(root, prefix) ? relative(root, prefix) : prefix;
    inside = isInside;
  }
  return way.at(-1) ?? '';
}

function describe(path: string, stats: Stats): Found {
  if (stats.isFile()) return { kind: 'file', path, sizeBytes: stats.size };
  if (stats.isDirectory()) return { kind: 'directory', path };
  return { kind: 'other', what: kindName(stats) };
}

function kindName(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a fifo';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function failed(error: unknown, path: string): { kind: 'missing' } | { kind: 'refused'; wrong: string } {
  const code = errorCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing' };
  if (code === 'ELOOP') return { kind: 'refused', wrong: `${quote(path)} is a link that leads back to itself` };
  if (code === 'EACCES' || code === 'EPERM') return { kind: 'refused', wrong: `${quote(path)} may not be read` };
  if (code === 'ENAMETOOLONG') return { kind: 'refused', wrong: 'its path is too long' };
  return { kind: 'refused', wrong: `${quote(path)} cannot be read${code === '' ? '' : ` (${code})`}` };
}

function readSmallFile(root: string, path: string, rules: FileRules & { readonly maxBytes: number }): FileText {
  const no = (wrong: string, missing = false): FileText => ({ ok: false, wrong, missing });
  const found = find(root, path, rules);
  switch (found.kind) {
    case 'missing':
      return no(`${quote(path)} does not exist`, true);
    case 'refused':
      return no(found.wrong);
    case 'directory':
      return no(`${quote(path)} is a directory`);
    case 'other':
      return no(`${quote(path)} is ${found.what}`);
    case 'file':
      break;
  }
  try {
    const bytes = readBounded(found.path, rules.maxBytes);
    return bytes === undefined ? no(`${quote(path)} is longer than ${shownSize(rules.maxBytes)}`) : { ok: true, bytes };
  } catch (error) {
    const failure = failed(error, path);
    return failure.kind === 'missing' ? no(`${quote(path)} does not exist`, true) : no(failure.wrong);
  }
}

/** "64 KiB". */
export function shownSize(bytes: number): string {
  return bytes >= 1024 * 1024 ? `${bytes / 1024 / 1024} MiB` : `${bytes / 1024} KiB`;
}

/**
 * The bytes of a regular file; undefined when there are more than allowed. The path was resolved just now: that it still
 * is the same one after opening is checked, so that nobody swaps a folder for a link in between. Opening never waits for
 * the other end of a fifo.
 */
function readBounded(realPath: string, maxBytes: number): Uint8Array | undefined {
  const file = openSync(realPath, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || !isStill(file, realPath, stats)) throw changed();
    const buffer = new Uint8Array(Math.min(stats.size, maxBytes) + 1);
    let length = 0;
    for (;;) {
      const count = readSync(file, buffer, length, buffer.length - length, null);
      length += count;
      if (length > maxBytes) return undefined;
      if (count === 0) return buffer.subarray(0, length);
      if (length === buffer.length) throw changed();
    }
  } finally {
    closeSync(file);
  }
}

function changed(): Error {
  return Object.assign(new Error('the file changed while it was opened'), { code: 'EBUSY' });
}

/** Linux tells which path a descriptor was opened by; elsewhere the file is looked up once more. */
function isStill(file: number, realPath: string, stats: Stats): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${file}`) === realPath;
  } catch {
    const again = lstatSync(realPath);
    return realpathSync(dirname(realPath)) === dirname(realPath) && again.dev === stats.dev && again.ino === stats.ino;
  }
}
