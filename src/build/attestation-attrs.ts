// Attestations in the words of the frontend. moby/buildkit docs/attestations
import { csvField } from './csv-field.ts';

/** What the image is to say about its own making. */
export interface AttestationOrder {
  readonly type: 'provenance' | 'sbom';
  readonly attrs: Readonly<Record<string, string>>;
  /** A step that spelled it out fails on a daemon that cannot; one that only switched it on gets a warning. */
  readonly required: boolean;
}

/** `attest:provenance` = `mode=max,…`. */
export function attestationAttrs(attestations: readonly AttestationOrder[]): readonly [string, string][] {
  return attestations.map(({ type, attrs }) => [
    `attest:${type}`,
    Object.entries(attrs)
      .map(([key, value]) => csvField(`${key}=${value}`))
      .join(','),
  ]);
}
