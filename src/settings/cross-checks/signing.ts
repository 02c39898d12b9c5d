// Settings of signing that are pointless without a key, and what a signature of ours does not have.
import { addWarning } from '../findings.ts';
import { noSigningOptions } from '../signing-kinds.ts';
import type { CrossInputs } from './cross-inputs.ts';

const keyOnly = ['cosign_password', 'cosign_params', 'cosign_required'] as const;

/** Checks the settings of signing. */
export function checkSigning({ values, given, dryRun, findings }: CrossInputs): void {
  if (!given.has('cosign_private_key')) {
    const pointless = keyOnly.filter((name) => given.has(name));
    for (const name of pointless) addWarning(findings, name, 'does nothing without cosign_private_key');
    return;
  }
  const { transparencyLog } = values.cosign_params ?? noSigningOptions;
  if (dryRun || !transparencyLog) return;
  addWarning(
    findings,
    'cosign_params',
    'signatures are not written to a transparency log: verify them with --insecure-ignore-tlog; --tlog-upload=false here says that this is known',
  );
}
