// The files of a tar archive on disk, found once and read where they lie: nothing is unpacked, and no name in the archive ever
// reaches the disk. POSIX pax (IEEE 1003.1, pax) by tar-stream.
import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { PluginError } from '../base/plugin-error.ts';
import { errorCode } from '../engine/error-code.ts';

/** A file that lies in an archive, or in a folder. */
export interface ArchiveFile {
  readonly sizeBytes: number;
  /** A fresh stream of its bytes. */
  readonly open: () => Readable;
}

/** By name, without `./` in front. */
export type ArchiveFiles = ReadonlyMap<string, ArchiveFile>;

/** A layout of 127 layers, some platforms and their attestations stays far below. */
const maxEntries = 20_000;
const maxLinks = 8;

/**
 * Finds the files of a tar.
 *
 * @param display its name for people
 * @throws PluginError exit 2 when it is none
 */
export async function indexTar(path: string, display: string, signal: AbortSignal): Promise<ArchiveFiles> {
  const files = new Map<string, ArchiveFile>();
  const links = new Map<string, string>();
  const tar = extract();
  const feeding = pipeline(createReadStream(path), tar, { signal }).then(
    () => undefined,
    (error: unknown) => error,
  );
  let entries = 0;
  try {
    for await (const entry of tar) {
      entries += 1;
      if (entries > maxEntries) throw new Error(`it has more than ${String(maxEntries)} entries`);
      const { name, type, size: sizeBytes, linkname } = entry.header;
      const own = posix.normalize(name);
      if (type === 'file' || type === 'contiguous-file') {
        files.set(own, fileInTar(path, entry.header, sizeBytes));
      } else if ((type === 'symlink' || type === 'link') && typeof linkname === 'string') {
        // Older engines write a layer that is there already as a link to it.
        links.set(own, posix.normalize(type === 'link' ? linkname : posix.join(posix.dirname(own), linkname)));
      }
      entry.resume();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(display, error);
  } finally {
    tar.destroy();
    await feeding;
  }
  for (const [name, first] of links) {
    let target = first;
    for (let hops = 0; hops < maxLinks && links.has(target); hops += 1) target = links.get(target) ?? target;
    const file = files.get(target);
    if (file !== undefined) files.set(name, file);
  }
  return files;
}

/** An entry where it lies. @param header as tar-stream gave it */
export function fileInTar(path: string, header: object, sizeBytes: number): ArchiveFile {
  const start = offsetOf(header);
  const open = (): Readable => createReadStream(path, { start, end: start + sizeBytes - 1 });
  return { sizeBytes, open: sizeBytes === 0 ? emptyFile : open };
}

/** Where the bytes of an entry begin; tar-stream tells it beside what its types say. */
function offsetOf(header: object): number {
  const offset: unknown = Reflect.get(header, 'byteOffset');
  if (typeof offset !== 'number') throw new Error('tar-stream does not tell where an entry lies');
  return offset;
}

function emptyFile(): Readable {
  return Readable.from([], { objectMode: false });
}

function unreadable(display: string, cause: unknown): PluginError {
  const said = errorCode(cause) ?? (cause instanceof Error ? cause.message : String(cause));
  return new PluginError({
    code: 'source-unusable',
    exitCode: 2,
    message: `source ${display}: it cannot be read as a tar archive (${said})`,
    cause,
  });
}
