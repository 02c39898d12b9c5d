// An image of a containerd daemon as a file, in spite of a daemon that restarts meanwhile: what broke off is asked for again,
// from its begin, once the daemon is back.
import { join } from 'node:path';
import type { Retrier } from '../base/retry.ts';
import type { Engine } from '../engine/connect.ts';
import { saveImage } from '../engine/export-image.ts';
import { judgeExport } from './stored-image.ts';
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
export async function saveFromDaemon(
  { engine, name, folder, retrier }: SaveFromDaemonOptions,
  signal: AbortSignal,
): Promise<string> {
  const path = join(folder, 'export.tar');
  const attempt = async (number: number): Promise<string> => {
    if (number > 1) await engine.untilBack(signal);
    await saveImage(engine, name, path, signal).catch((error: unknown) => {
      throw wordDiskFailure(folder, error);
    });
    return path;
  };
  const giveUp = (error: unknown): unknown => error;
  const what = 'daemon, image export';
  return retrier.run({ origin: engine.address, what, attempt, judge: judgeExport, giveUp }, signal);
}
