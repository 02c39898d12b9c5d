// An image of a containerd daemon as a file, in spite of a daemon that restarts meanwhile: what broke off is asked for again,
// from its begin, once the daemon is back.
import { join } from 'node:path';
import type { Retrier } from '../base/retry.ts';
import type { Engine } from '../engine/connect.ts';
import { saveImage } from '../engine/export-image.ts';
import { askDaemonAgain } from './ask-daemon-again.ts';
import { wordDiskFailure } from './temporary-folder.ts';

export interface SaveFromDaemonOptions {
  readonly engine: Pick<Engine, 'transport' | 'versionPrefix' | 'address' | 'untilBack'>;
  /** Name in the daemon, or an id. */
  readonly name: string;
  /** Is ours alone. */
  readonly folder: string;
  /** The run's, or one of a test. */
  readonly retrier: Pick<Retrier, 'run'>;
}

/** @returns the path of the archive. Throws PluginError: 5 of the daemon, 4 of the disk */
export async function saveFromDaemon(options: SaveFromDaemonOptions, signal: AbortSignal): Promise<string> {
  const { engine, name, folder } = options;
  const path = join(folder, 'export.tar');
  const save = () =>
    saveImage(engine, name, path, signal).catch((error: unknown) => {
      throw wordDiskFailure(folder, error);
    });
  await askDaemonAgain(options, 'image export', save, signal);
  return path;
}
