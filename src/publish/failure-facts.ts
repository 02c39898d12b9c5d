// What publishing needs to know of an error of the registry client, read without knowing its class.
import { type ExitCode, PluginError } from '../base/plugin-error.ts';

/** HTTP status of an error of the registry client. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : undefined;
}

/** Exit code that an error asks for; 4 (publish failed) for one that asks for none. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof PluginError ? error.exitCode : 4;
}
