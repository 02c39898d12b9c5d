// Rows: what the image says about its own making.
import { attestations, provenance, sbom } from '../attestation-kinds.ts';
import { works } from './row.ts';

export const attestationRows = {
  provenance: works({
    env: ['PLUGIN_PROVENANCE'],
    kind: provenance,
    defaultText: '`false`',
    help: 'Say in the image how it was made: `true` is `mode=min`; `mode=max` publishes all build arguments. The image becomes an index; needs the containerd image store.',
  }),
  sbom: works({
    env: ['PLUGIN_SBOM'],
    kind: sbom,
    defaultText: '`false`',
    help: 'List in the image what it is made of: `true`, or `generator=<image>` for another scanner. Needs the containerd image store.',
  }),
  attests: works({
    env: ['PLUGIN_ATTESTS', 'PLUGIN_ATTEST'],
    kind: attestations,
    help: 'The same two as buildx writes them: `type=provenance,mode=max` and `type=sbom`.',
  }),
};
