// Rows: which kind of registry the step is for, and what several kinds share. Plain names (TOKEN, CLIENT_ID) mean other
// things in other steps: they count in the variant that they belong to only.
import { oneOf, text } from '../kinds.ts';
import { variantNames } from '../variant.ts';
import { cloudSecret } from './cloud-row.ts';
import { works } from './row.ts';

export const variantRows = {
  registry_type: works({
    env: ['PLUGIN_REGISTRY_TYPE', 'PLUGIN_PROVIDER', 'DOCKER_BUILD_PROVIDER'],
    kind: oneOf(...variantNames),
    defaultText: 'by the other settings, then by the host',
    help: 'Kind of registry: where logins come from, and whether `registry` is put in front of `repo`.',
  }),
  oidc_token_id: cloudSecret('PLUGIN_OIDC_TOKEN_ID'),
  daemon_registry: works({
    env: ['PLUGIN_DAEMON_REGISTRY', 'DAEMON_REGISTRY'],
    kind: text,
    help: 'Address of the registry for reports, for example its page in a portal.',
  }),
  artifact_registry: works({
    env: ['PLUGIN_ARTIFACT_REGISTRY', 'ARTIFACT_REGISTRY'],
    kind: text,
    help: 'Address of the registry for reports; wins over `daemon_registry`.',
  }),
};
