// Rows: Amazon ECR, private and public. The names that begin with aws_ and ecr_ are Woodpecker's: they serve every ECR host
// of the step, but do not make it a step for ECR.
import type { RegistryVariant } from '../../base/registry-variant.ts';
import { awsAccount, awsRegion, awsRole, policy } from '../cloud-kinds.ts';
import { bool, oneOf, secret, text } from '../kinds.ts';
import { works, worksWithDefault } from './row.ts';

const ecr: readonly RegistryVariant[] = ['ecr', 'ecr-public'];

export const ecrRows = {
  region: works({
    env: ['PLUGIN_REGION', 'ECR_REGION', 'PLUGIN_AWS_REGION', 'AWS_REGION', 'AWS_DEFAULT_REGION'],
    kind: awsRegion,
    plainIn: ecr,
    defaultText: 'that of the registry’s host, then that of the machine, then `us-east-1`',
    help: 'Region of the ECR registry. A host such as `123456789012.dkr.ecr.eu-west-1.amazonaws.com` says its region itself.',
  }),
  access_key: works({
    env: ['PLUGIN_ACCESS_KEY', 'ECR_ACCESS_KEY', 'PLUGIN_AWS_ACCESS_KEY_ID', 'AWS_ACCESS_KEY_ID'],
    kind: secret,
    secret: true,
    plainIn: ecr,
    help: 'Access key of an AWS identity, together with `secret_key`. Without both, the environment, profiles, token files and the metadata of the machine are searched.',
  }),
  secret_key: works({
    env: ['PLUGIN_SECRET_KEY', 'ECR_SECRET_KEY', 'PLUGIN_AWS_SECRET_ACCESS_KEY', 'AWS_SECRET_ACCESS_KEY'],
    kind: secret,
    secret: true,
    plainIn: ecr,
    help: 'Secret key that belongs to `access_key`.',
  }),
  session_token: works({
    env: ['PLUGIN_SESSION_TOKEN', 'PLUGIN_AWS_SESSION_TOKEN', 'AWS_SESSION_TOKEN'],
    kind: secret,
    secret: true,
    plainIn: ecr,
    help: 'Session token of temporary keys. Not used with a key that begins with `AKIA`, which has none.',
  }),
  assume_role: works({
    env: ['PLUGIN_ASSUME_ROLE'],
    kind: awsRole,
    help: 'Role to take on before ECR is asked, as an ARN. With `oidc_token_id` that token is the identity, else the keys are.',
  }),
  external_id: works({
    env: ['PLUGIN_EXTERNAL_ID'],
    kind: text,
    help: 'External id that the role of `assume_role` asks for.',
  }),
  create_repository: worksWithDefault(false, {
    env: ['PLUGIN_CREATE_REPOSITORY', 'ECR_CREATE_REPOSITORY', 'PLUGIN_ECR_CREATE_REPOSITORY'],
    kind: bool,
    plainIn: ecr,
    help: 'Create the repositories of the step in ECR when they are missing.',
  }),
  scan_on_push: works({
    env: ['PLUGIN_SCAN_ON_PUSH', 'PLUGIN_ECR_SCAN_ON_PUSH'],
    kind: bool,
    help: 'Whether ECR scans images that are pushed. Acts with `create_repository`; left as it is when not given.',
  }),
  lifecycle_policy: works({
    env: ['PLUGIN_LIFECYCLE_POLICY', 'PLUGIN_ECR_LIFECYCLE_POLICY'],
    kind: policy,
    help: 'Lifecycle policy that the ECR repositories get, as JSON or the path of a file.',
  }),
  repository_policy: works({
    env: ['PLUGIN_REPOSITORY_POLICY', 'PLUGIN_ECR_REPOSITORY_POLICY'],
    kind: policy,
    help: 'Permissions policy that the ECR repositories get, as JSON or the path of a file.',
  }),
  tag_mutability: works({
    env: ['PLUGIN_TAG_MUTABILITY', 'PLUGIN_IMAGE_TAG_MUTABILITY'],
    kind: oneOf('mutable', 'immutable'),
    help: 'Whether tags of a repository that `create_repository` makes may be moved. One that exists already is left as it is, with a warning when it differs.',
  }),
  registry_ids: works({
    env: ['PLUGIN_REGISTRY_IDS', 'PLUGIN_REGISTRY_ID'],
    kind: awsAccount,
    help: 'Account of the registry, twelve digits, when it is not that of the keys.',
  }),
};
