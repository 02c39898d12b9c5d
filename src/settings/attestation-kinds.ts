// The readers of attestations: on, off, or on with fields as BuildKit has them (`mode=max`, `generator=…`).
import { orList, parseBool } from './kinds.ts';
import { readReference } from './destination-kinds.ts';
import { andThen, atItem, bad, gather, good, quote, type Kind, type Reading } from './reading.ts';
import { readSpecs, type Spec } from './spec-kinds.ts';

/** What an attestation is about. */
export type AttestationType = 'provenance' | 'sbom';

/** Whether there is to be one; `fields` is empty when it was only switched on. */
export type AttestationWish =
  { readonly wanted: false } | { readonly wanted: true; readonly fields: ReadonlyMap<string, string> };

/** One of a list. */
export interface Attestation {
  readonly type: AttestationType;
  readonly wish: AttestationWish;
}

const off: AttestationWish = { wanted: false };
const provenanceFields = ['mode', 'inline-only', 'reproducible', 'builder-id', 'version', 'filename'];

/** `true`, `false` or `mode=min|max,…`. */
export const provenance: Kind<AttestationWish> = {
  name: 'boolean, or fields of provenance',
  read: (text) => readWish(text, 'provenance'),
};

/** `true`, `false` or `generator=…`. */
export const sbom: Kind<AttestationWish> = {
  name: 'boolean, or fields of an SBOM',
  read: (text) => readWish(text, 'sbom'),
};

/** `type=provenance,mode=max` and `type=sbom,generator=…`. */
export const attestations: Kind<readonly Attestation[]> = {
  name: 'list of attestations',
  repeatable: true,
  read: (text) =>
    andThen(readSpecs(text), (specs) =>
      gather(
        specs.map((spec, index) => {
          const reading = readAttestation(spec);
          return specs.length === 1 ? reading : atItem(reading, index + 1);
        }),
      ),
    ),
};

function readWish(text: string, type: AttestationType): Reading<AttestationWish> {
  const plain = parseBool(text);
  if (plain !== undefined) return good(plain ? { wanted: true, fields: new Map() } : off);
  return andThen(readSpecs(text), ([spec, ...more]) => {
    if (spec === undefined || spec.bare !== undefined || more.length > 0) {
      return bad('it is neither a boolean nor key=value,key=value', `must be true, false or ${example[type]}`);
    }
    return checkFields(type, spec.fields);
  });
}

const example: Readonly<Record<AttestationType, string>> = {
  provenance: 'fields such as mode=max',
  sbom: 'generator=<image>',
};

function readAttestation({ fields, bare }: Spec): Reading<Attestation> {
  const type = fields.get('type');
  if (bare !== undefined || (type !== 'provenance' && type !== 'sbom')) {
    return bad(
      type === undefined ? 'it has no type' : `type ${quote(type)} is not known`,
      'must be written type=provenance,… or type=sbom,…',
    );
  }
  const others = new Map([...fields].filter(([key]) => key !== 'type'));
  return andThen(checkFields(type, others), (wish) => good({ type, wish }));
}

function checkFields(type: AttestationType, given: ReadonlyMap<string, string>): Reading<AttestationWish> {
  const disabled = given.get('disabled');
  const isOff = disabled === undefined ? false : parseBool(disabled);
  if (isOff === undefined) return bad(`disabled ${quote(disabled ?? '')} is not a boolean`, 'must be true or false');
  if (isOff) return good(off);
  const fields = new Map([...given].filter(([key]) => key !== 'disabled'));
  const generator = fields.get('generator');
  if (type === 'sbom') {
    return generator === undefined
      ? good({ wanted: true, fields })
      : andThen(readReference(generator), () => good({ wanted: true, fields }));
  }
  const unknown = [...fields.keys()].find((key) => !provenanceFields.includes(key));
  if (unknown !== undefined) return bad(`${quote(unknown)} is not known`, `must be ${orList(provenanceFields)}`);
  const mode = fields.get('mode');
  if (mode !== undefined && mode !== 'min' && mode !== 'max') {
    return bad(`mode ${quote(mode)} is not known`, 'must be mode=min or mode=max');
  }
  return good({ wanted: true, fields });
}
