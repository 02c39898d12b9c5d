// Rows: signatures of what is published.
import { known } from './row.ts';

export const signingRows = {
  cosign_private_key: known('refused', ['PLUGIN_COSIGN_PRIVATE_KEY'], 'Sign what is published.', { secret: true }),
  cosign_password: known('unused', ['PLUGIN_COSIGN_PASSWORD'], 'Password of `cosign_private_key`.', { secret: true }),
  cosign_params: known('unused', ['PLUGIN_COSIGN_PARAMS'], 'Options of signing.'),
  cosign_required: known('unused', ['PLUGIN_COSIGN_REQUIRED'], 'Fail when signing fails.'),
};
