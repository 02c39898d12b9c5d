// Which local folders the session offers to the daemon, and the guard round them: the ignore file must be a file of the
// workspace, and small enough that its patterns fit through the session (the daemon sends each pattern back as a header).
import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { join, relative, isAbsolute } from 'node:path';
import { PluginError } from '../base/plugin-error.ts';
import type { LocalDirectory } from '../buildkit/session/filesync.ts';
import { checkIgnoreFile } from '../buildkit/ignore-file.ts';

/** An ignore file beyond this is a mistake; BuildKit reads no more either. */
const maxIgnoreFileBytes = 1024 * 1024;

/** Where the files of a build come from; a main context of this machine unless it says otherwise. */
export interface ContextFiles {
  readonly source?: LocalFiles | RemoteFiles;
  /** By the name that the Dockerfile uses. */
  readonly namedContexts?: ReadonlyMap<string, NamedFiles>;
}

/** The same, complete. */
export interface BuildFiles extends Required<ContextFiles> {
  /** In the folder of the Dockerfile, or inside of a remote context. */
  readonly dockerfileName: string;
}

/** Folders of this machine. */
interface LocalFiles {
  readonly kind: 'local';
  /** Absolute. */
  readonly contextDirectory: string;
  /** Absolute folder of the Dockerfile; may lie outside the context. */
  readonly dockerfileDirectory: string;
}

/** What the daemon fetches by itself. */
interface RemoteFiles {
  readonly kind: 'remote';
  /** A git address with `#ref`, or one of the web. */
  readonly address: string;
  /** The folder of it that is the context. The Dockerfile is looked for in the whole all the same. */
  readonly subdirectory?: string;
}

type NamedFiles =
  { readonly kind: 'folder'; readonly directory: string } | { readonly kind: 'address'; readonly address: string };

/** The folders by the names under which the frontend asks for them. Throws PluginError (exit 2) for a bad ignore file. */
export function buildContext({
  source,
  namedContexts,
  dockerfileName,
}: BuildFiles): ReadonlyMap<string, LocalDirectory> {
  const directories = new Map<string, LocalDirectory>();
  if (source.kind === 'local') {
    const text = readIgnoreFile({ ...source, dockerfileName });
    if (text !== undefined) checkIgnoreFile(text);
    directories.set('context', { root: source.contextDirectory });
    directories.set('dockerfile', { root: source.dockerfileDirectory });
  }
  for (const [name, named] of namedContexts) {
    if (named.kind !== 'folder') continue;
    const text = readWithin(named.directory, '.dockerignore');
    if (text !== undefined) checkIgnoreFile(text, `.dockerignore of ${name}`);
    directories.set(folderName(name), { root: named.directory });
  }
  return directories;
}

/**
 * The attributes that tell the frontend where files come from; none for a context of this machine alone.
 * Keys and values: moby/buildkit frontend/dockerui, `context`, `contextsubdir` and `context:<name>`.
 */
export function contextAttrs({ source, namedContexts }: ContextFiles): ReadonlyMap<string, string> {
  const attrs = new Map<string, string>();
  if (source?.kind === 'remote') {
    attrs.set('context', source.address);
    if (source.subdirectory !== undefined) attrs.set('contextsubdir', source.subdirectory);
  }
  for (const [name, named] of namedContexts ?? []) {
    attrs.set(`context:${name}`, named.kind === 'folder' ? `local:${folderName(name)}` : named.address);
  }
  return attrs;
}

/** The session's name of a named folder: apart from the two that always mean something else. */
function folderName(name: string): string {
  return name === 'context' || name === 'dockerfile' ? `_${name}` : name;
}

interface IgnorePlaces {
  readonly contextDirectory: string;
  readonly dockerfileDirectory: string;
  readonly dockerfileName: string;
}

/** `<Dockerfile>.dockerignore` beside the Dockerfile wins, even when empty; else `.dockerignore` of the context. */
function readIgnoreFile(paths: IgnorePlaces): string | undefined {
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
