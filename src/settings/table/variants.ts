// Rows: which kind of registry the step is for, and what several kinds share. Plain names (TOKEN, CLIENT_ID) mean other
// things in other steps: they count in the variant that they belong to only.
import { cloudSecret } from './cloud-row.ts';
import { known } from './row.ts';

export const variantRows = {
  registry_type: known('refused', ['PLUGIN_REGISTRY_TYPE', 'PLUGIN_PROVIDER'], 'Kind of registry.', {
    inert: ['docker'],
  }),
  oidc_token_id: cloudSecret('PLUGIN_OIDC_TOKEN_ID'),
  daemon_registry: known('unused', ['PLUGIN_DAEMON_REGISTRY'], 'Address shown for the registry.'),
  artifact_registry: known('unused', ['PLUGIN_ARTIFACT_REGISTRY'], 'Address shown for the registry.'),
};
