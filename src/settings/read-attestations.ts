// The attestations of a step: `provenance` and `sbom`, or the same by `attests`, which must not contradict each other.
import type { AttestationType, AttestationWish } from './attestation-kinds.ts';
import { addProblem, addWarning, type Findings } from './findings.ts';
import type { AttestationChoice } from './settings.ts';
import type { Values } from './table.ts';

/** What the image is to say about its own making. */
export function readAttestations(values: Values, findings: Findings): readonly AttestationChoice[] {
  const types = ['provenance', 'sbom'] as const;
  const choices = types.flatMap((type) => {
    const wishes = [
      ...(values[type] === undefined ? [] : [values[type]]),
      ...(values.attests ?? []).flatMap((attestation) => (attestation.type === type ? [attestation.wish] : [])),
    ];
    if (new Set(wishes.map(comparable)).size > 1) {
      addProblem(findings, 'attests', {
        wrong: `it contradicts ${values[type] === undefined ? 'itself' : type}`,
        right: `must say the same about ${type}, or be left out`,
      });
    }
    return wishes.slice(0, 1).flatMap((wish) => chosen(type, wish));
  });
  if (choices.some(({ attrs }) => attrs['mode'] === 'max')) {
    addWarning(
      findings,
      'provenance',
      'mode=max publishes the values of all build arguments with the image; secrets belong in secrets_from_env',
    );
  }
  return choices;
}

function comparable(wish: AttestationWish): string {
  return JSON.stringify(wish.wanted ? [...wish.fields].sort(([a], [b]) => (a < b ? -1 : 1)) : false);
}

function chosen(type: AttestationType, wish: AttestationWish): readonly AttestationChoice[] {
  if (!wish.wanted) return [];
  const attrs = Object.fromEntries(wish.fields);
  // Without a word about it, build arguments stay private.
  const complete = type === 'provenance' ? { mode: 'min', ...attrs } : attrs;
  return [{ type, attrs: complete, required: wish.fields.size > 0 }];
}
