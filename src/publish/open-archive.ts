// An image as a file: a tar, gzipped or not, or the folder of an OCI layout. Large parts stay where they lie; a gzipped archive
// is unpacked into the temporary folder first, because its parts are read in another order than they come.
import { createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { PluginError } from '../base/plugin-error.ts';
import { errorCode } from '../engine/error-code.ts';
import { type ArchiveFile, type ArchiveFiles, indexTar } from './tar-index.ts';
import { wordDiskFailure } from './temporary-folder.ts';

/** Where an archive lies, and its name for people. */
export interface ArchivePlace {
  readonly path: string;
  readonly isDirectory: boolean;
  readonly display: string;
}

/** Finds the parts. @param folder for what has to be unpacked. Throws PluginError exit 2 for what is no archive. */
export async function openArchive(
  { path, isDirectory, display }: ArchivePlace,
  folder: string,
  signal: AbortSignal,
): Promise<ArchiveFiles> {
  if (isDirectory) return indexFolder(path, display);
  if (!(await isGzip(path, display))) return indexTar(path, display, signal);
  const unpacked = join(folder, 'archive.tar');
  await pipeline(createReadStream(path), createGunzip(), createWriteStream(unpacked, { flags: 'wx', mode: 0o600 }), {
    signal,
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    const isDamage = errorCode(error)?.startsWith('Z_') === true;
    throw isDamage ? unreadable(display, error) : wordDiskFailure(folder, error);
  });
  return indexTar(unpacked, display, signal);
}

async function isGzip(path: string, display: string): Promise<boolean> {
  const head = Buffer.alloc(2);
  try {
    await using file = await open(path, 'r');
    await file.read(head, 0, 2, 0);
  } catch (error) {
    throw unreadable(display, error);
  }
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** The parts of an OCI layout that matter. Links are not followed. */
async function indexFolder(path: string, display: string): Promise<ArchiveFiles> {
  const files = new Map<string, ArchiveFile>();
  try {
    const blobs = await readdir(join(path, 'blobs', 'sha256'), { withFileTypes: true });
    const names = blobs.flatMap((entry) => (entry.isFile() ? [`blobs/sha256/${entry.name}`] : []));
    for (const name of ['index.json', ...names]) {
      const file = join(path, name);
      files.set(name, { sizeBytes: (await stat(file)).size, open: () => createReadStream(file) });
    }
  } catch (error) {
    throw unreadable(display, error);
  }
  return files;
}

function unreadable(display: string, cause: unknown): PluginError {
  const said = errorCode(cause) ?? String(cause);
  const message = `source ${display}: it is neither an archive nor an OCI layout that can be read (${said})`;
  return new PluginError({ code: 'source-unusable', exitCode: 2, message, cause });
}
