// Asks every target for permission before minutes of building: a wrong password, a missing right or repository and TLS
// trouble show up now. All targets are asked; the first failure is thrown, the others are told with it.
import { PluginError } from '../base/plugin-error.ts';
import { settleAll } from './parallel.ts';

const parallelChecks = 8;

/** A repository that can tell whether we may push to it. */
export interface PushProbe {
  readonly name: string;
  checkPushAccess(signal: AbortSignal): Promise<void>;
}

/** Throws the first target's failure; those of further targets become its details. */
export async function checkPushAccess(
  targets: readonly { readonly repository: PushProbe }[],
  signal: AbortSignal,
): Promise<void> {
  const results = await settleAll(targets, parallelChecks, ({ repository }) => repository.checkPushAccess(signal));
  signal.throwIfAborted();
  const failures = results.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : []));
  const [first, ...others] = failures;
  if (first === undefined) return;
  if (!(first instanceof PluginError)) throw first;
  // Several repositories on one registry fail alike: one line says it.
  const further = new Set(others.map((other) => (other instanceof Error ? other.message : String(other))));
  further.delete(first.message);
  if (further.size === 0) throw first;
  throw new PluginError({
    code: first.code,
    exitCode: first.exitCode,
    message: first.message,
    hint: first.hint,
    details: [...first.details, ...[...further].map((message) => `also: ${message}`)],
    cause: first,
  });
}
