// Words for an output that could not be written: which one, why, and which setting says where it goes. An output is
// written before any tag moves, so its failure is a failed build.
import { PluginError } from '../base/plugin-error.ts';
import { UnsafePathError } from '../buildkit/fsutil/folder-writer.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on that disk',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the disk is read-only',
  EIO: 'the disk reports an I/O error',
  EXDEV: 'another disk is mounted inside of it',
  EBUSY: 'another disk is mounted there',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files on this machine',
  ENAMETOOLONG: 'a name is too long for that disk',
  EFBIG: 'the file is too large for that disk',
  ENOTDIR: 'something took the place of a folder meanwhile',
  EEXIST: 'something was put there meanwhile',
  ENOTEMPTY: 'something was put there meanwhile',
  ELOOP: 'a link took the place of a folder meanwhile',
};

const lackOfSpace: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** What names an output in a message. */
export interface NamedOutput {
  /** As the pipeline author wrote it. */
  readonly display: string;
  readonly setting: string;
}

/** The build result does not fit what is there, or what may be written; the message completes "cannot write x: ...". */
export class OutputConflict extends Error {}

/** A PluginError (exit 1) for an error of the disk or a result that may not be written; anything else as it is. */
export function wordOutputFailure({ display, setting }: NamedOutput, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof PluginError) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const isOfDisk = code !== undefined && 'syscall' in error;
  if (!isOfDisk && !(error instanceof OutputConflict) && !(error instanceof UnsafePathError)) return error;
  const reason = isOfDisk ? (reasons[code] ?? code) : error.message;
  return new PluginError({
    code: 'output-failed',
    exitCode: 1,
    message: `cannot write ${display}: ${reason}`,
    hint:
      isOfDisk && lackOfSpace.has(code)
        ? `free space on the runner, or let ${setting} name a place on a larger volume`
        : `let ${setting} name another place`,
    cause: error,
  });
}
