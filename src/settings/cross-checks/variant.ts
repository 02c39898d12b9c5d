// The kind of registry, and settings that mean nothing for it.
import type { RegistryVariant } from '../../base/registry-variant.ts';
import { addProblem } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';

/** Kinds of registries whose logins this version cannot make. A host alone may still name one: with user and password. */
const missing: ReadonlySet<RegistryVariant> = new Set(['ecr-public']);

/** Checks the kind of registry. */
export function checkVariant({ variant, given, findings }: CrossInputs): void {
  if (variant.soft || !missing.has(variant.name) || !given.has('registry_type')) return;
  addProblem(findings, 'registry_type', {
    wrong: `${variant.name} is not available in this version`,
    right: 'must be left out; use username and password, or config',
  });
}
