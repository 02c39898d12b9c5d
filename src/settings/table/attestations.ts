// Rows: what the image says about its own making.
import { known, offWords } from './row.ts';

export const attestationRows = {
  provenance: known('refused', ['PLUGIN_PROVENANCE'], 'Provenance attestation.', { inert: offWords }),
  sbom: known('refused', ['PLUGIN_SBOM'], 'SBOM attestation.', { inert: offWords }),
  attests: known('refused', ['PLUGIN_ATTESTS', 'PLUGIN_ATTEST'], 'Attestations.'),
};
