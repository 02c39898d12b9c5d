// An output on its way. Until it is complete it lies under a name of its own on the disk of its destination; then it is
// put there by renaming. Folders on the way are made only at that moment: a failed run leaves nothing.
import { chmod, lstat, lutimes, mkdir, rename, rm } from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { partialName } from '../base/partial-name.ts';
import { bytesOf, fsPath } from '../buildkit/fsutil/byte-text.ts';
import { fileTime, type FolderFacts } from '../buildkit/fsutil/folder-writer.ts';
import { mergeFolder } from './merge-folder.ts';
import { OutputConflict } from './output-failure.ts';

/** Where an output belongs. All paths are absolute; those that exist are real ones. */
export interface Destination {
  readonly path: string;
  readonly existing: 'nothing' | 'file' | 'folder';
  /** A folder that exists, on the same disk. */
  readonly base: string;
}

/** One output until it is in place. */
export class PartialOutput {
  /** Where to write meanwhile; nothing is there yet. */
  readonly path: string;
  readonly #destination: Destination;

  /** @param random hexadecimal digits */
  constructor(destination: Destination, random: string) {
    this.#destination = destination;
    this.path = join(destination.base, partialName(random));
  }

  /** Makes the folder to write into. */
  async makeFolder(): Promise<void> {
    await mkdir(this.path, { mode: 0o700 });
  }

  /** Puts a file in place. */
  async commitFile(): Promise<void> {
    await this.#makeWay();
    await rename(this.path, this.#destination.path);
  }

  /** Puts a folder in place, or what is in it into the folder that is there. */
  async commitFolder(folders: readonly FolderFacts[]): Promise<void> {
    const { path, existing } = this.#destination;
    await this.#makeWay();
    if (existing === 'folder') await mergeFolder(bytesOf(this.path), bytesOf(path));
    else {
      await chmod(this.path, 0o755);
      await rename(this.path, path);
    }
    // Last and deepest first: a folder may forbid writing, and its time changes with each entry.
    for (const { path: below, mode, modifiedMs } of folders.toReversed()) {
      const folder = fsPath(`${bytesOf(path)}/${below}`);
      await chmod(folder, mode);
      await lutimes(folder, fileTime(modifiedMs), fileTime(modifiedMs));
    }
  }

  /** Removes what was not put in place; nothing there is fine. */
  async discard(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  /** Makes missing folders, none of them through a link that somebody has put there since the settings were read. */
  async #makeWay(): Promise<void> {
    const { path, base } = this.#destination;
    if (realpathSync(base) !== base) throw new OutputConflict(`${base} was replaced by a link meanwhile`);
    let at = base;
    for (const name of relative(base, dirname(path)).split(sep)) {
      if (name === '' || name === '..') continue;
      at = join(at, name);
      await mkdir(at).catch(async (error: unknown) => {
        if (!(await lstat(at)).isDirectory()) throw error;
      });
    }
  }
}
