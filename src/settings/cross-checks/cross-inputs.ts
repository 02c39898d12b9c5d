// What a check of settings against each other looks at.
import type { Findings } from '../findings.ts';
import type { Given } from '../given.ts';
import type { MachineLogins } from '../machine-logins.ts';
import type { Values } from '../table.ts';
import type { VariantChoice } from '../variant.ts';

/** What the checks look at. */
export interface CrossInputs {
  readonly values: Values;
  readonly given: ReadonlyMap<string, Given>;
  readonly variant: VariantChoice;
  readonly machine: MachineLogins;
  readonly dryRun: boolean;
  readonly findings: Findings;
}
