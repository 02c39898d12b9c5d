// The folder through which layers pass: ours alone (mode 0700), gone when the work is over, and with words
// for a disk that is full or not writable, since that disk is often a small tmpfs of the step's container.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { errorCode } from '../engine/error-code.ts';

const diskCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'ENOENT', 'EIO']);

/** Runs `work` with a new folder in `parent` and removes it with everything in it. */
export async function withTemporaryFolder<Result>(
  parent: string,
  log: Log,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await makeTemporaryFolder(parent);
  try {
    return await work(folder);
  } finally {
    await removeTemporaryFolder(folder, log);
  }
}

/** A new folder in `parent`, for whoever enters its removal in the ledger. Throws PluginError (exit 4). */
export async function makeTemporaryFolder(parent: string): Promise<string> {
  return mkdtemp(join(parent, 'docker-build-')).catch((error: unknown) => {
    throw wordDiskFailure(parent, error);
  });
}

/** With everything in it. What happened to the image is decided by now; files that stay go with the step's container. */
export async function removeTemporaryFolder(folder: string, log: Log): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
    log.warn(`${folder} could not be removed: ${errorCode(error) ?? String(error)}`);
  });
}

/** A PluginError (exit 4) for an error of the disk; anything else as it is. */
export function wordDiskFailure(path: string, error: unknown): unknown {
  const code = errorCode(error);
  if (error instanceof PluginError || code === undefined || !diskCodes.has(code)) return error;
  return new PluginError({
    code: 'temporary-folder',
    exitCode: 4,
    message: `cannot write layers to ${path} in the step's own container: ${code}; no tag was touched`,
    hint: 'give the step more room there, or point TMPDIR at a larger volume',
    cause: error,
  });
}
