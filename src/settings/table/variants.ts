// Rows: which kind of registry the step is for, and what several kinds share. Plain names (TOKEN, CLIENT_ID) mean other
// things in other steps: they count in the variant that they belong to only.
import { oneOf, secret, text } from '../kinds.ts';
import { variantNames } from '../variant.ts';
import { works } from './row.ts';

export const variantRows = {
  registry_type: works({
    env: ['PLUGIN_REGISTRY_TYPE', 'PLUGIN_PROVIDER', 'DOCKER_BUILD_PROVIDER'],
    kind: oneOf(...variantNames),
    defaultText: 'by the other settings, then by the host',
    help: 'Kind of registry: where logins come from, and whether `registry` is put in front of `repo`.',
  }),
  oidc_token_id: works({
    env: ['PLUGIN_OIDC_TOKEN_ID'],
    kind: secret,
    secret: true,
    help: 'Token of the pipeline’s own identity (the token itself), which a cloud takes in exchange. Goes with `assume_role` at Amazon, with the four settings of a Google pool, or with `client_id` and `tenant_id` at Azure.',
  }),
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
