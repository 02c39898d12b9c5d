// Which local folders the session offers to the daemon, and the guard round them: the ignore file must be a file of the
// workspace, and small enough that its patterns fit through the session (the daemon sends each pattern back as a header).
import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { join, relative, isAbsolute } from 'node:path';
import { PluginError } from '../base/plugin-error.ts';
import type { LocalDirectory } from '../buildkit/session/filesync.ts';
import { checkIgnoreFile } from '../buildkit/ignore-file.ts';

/** An ignore file beyond this is a mistake; BuildKit reads no more either. */
const maxIgnoreFileBytes = 1024 * 1024;

export interface ContextPaths {
  /** Absolute. */
  readonly contextDirectory: string;
  /** Absolute folder of the Dockerfile; may lie outside the context. */
  readonly dockerfileDirectory: string;
  readonly dockerfileName: string;
}

/** The folders by the names under which the frontend asks for them. Throws PluginError (exit 2) for a bad ignore file. */
export function buildContext(paths: ContextPaths): ReadonlyMap<string, LocalDirectory> {
  const text = readIgnoreFile(paths);
  if (text !== undefined) checkIgnoreFile(text);
  return new Map([
    ['context', { root: paths.contextDirectory }],
    ['dockerfile', { root: paths.dockerfileDirectory }],
  ]);
}

/** `<Dockerfile>.dockerignore` beside the Dockerfile wins, even when empty; else `.dockerignore` of the context. */
function readIgnoreFile(paths: ContextPaths): string | undefined {
  const own = readWithin(paths.dockerfileDirectory, `${paths.dockerfileName}.dockerignore`);
  return own ?? readWithin(paths.contextDirectory, '.dockerignore');
}

function readWithin(directory: string, name: string): string | undefined {
  const path = join(directory, name);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const real = resolveLink(path, name);
  const inside = relative(realpathSync(directory), real);
  if (inside.startsWith('..') || isAbsolute(inside)) {
    throw ignoreFileError(name, 'is a link that leaves the context');
  }
  const target = lstatSync(real);
  if (!target.isFile()) throw ignoreFileError(name, 'is not a regular file');
  if (target.size > maxIgnoreFileBytes) throw ignoreFileError(name, `has ${target.size} bytes; at most 1 MiB is read`);
  return readFileSync(real, 'utf8');
}

function resolveLink(path: string, name: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw ignoreFileError(name, 'is a link that leads nowhere', cause);
  }
}

function ignoreFileError(name: string, problem: string, cause?: unknown): PluginError {
  return new PluginError({ code: 'ignore-file', exitCode: 2, message: `the ignore file ${name} ${problem}`, cause });
}
