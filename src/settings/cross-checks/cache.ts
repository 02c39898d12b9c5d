// Settings of caches that are fine alone and pointless together.
import { addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';

/** Checks the caches. */
export function checkCache({ values, given, findings }: CrossInputs): void {
  if (given.has('cache_repo') && !values.enable_cache)
    addWarning(findings, 'cache_repo', 'does nothing without enable_cache: true');
}
