// Rows: Amazon ECR, private and public.
import type { RegistryVariant } from '../../base/registry-variant.ts';
import { awsAccount } from '../cloud-kinds.ts';
import { secret, text } from '../kinds.ts';
import { cloud } from './cloud-row.ts';
import { known, offWords, works } from './row.ts';

const ecr: readonly RegistryVariant[] = ['ecr', 'ecr-public'];

export const ecrRows = {
  region: works({
    env: ['PLUGIN_REGION', 'ECR_REGION', 'PLUGIN_AWS_REGION', 'AWS_REGION', 'AWS_DEFAULT_REGION'],
    kind: text,
    plainIn: ecr,
    defaultText: 'that of the registry’s host, else `us-east-1`',
    help: 'Region of the ECR registry.',
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
  assume_role: cloud('PLUGIN_ASSUME_ROLE'),
  external_id: cloud('PLUGIN_EXTERNAL_ID'),
  create_repository: known(
    'refused',
    ['PLUGIN_CREATE_REPOSITORY', 'PLUGIN_ECR_CREATE_REPOSITORY'],
    'Create the repository in ECR.',
    { inert: offWords },
  ),
  scan_on_push: known('refused', ['PLUGIN_SCAN_ON_PUSH', 'PLUGIN_ECR_SCAN_ON_PUSH'], 'Scan images in ECR.', {
    inert: offWords,
  }),
  lifecycle_policy: known(
    'refused',
    ['PLUGIN_LIFECYCLE_POLICY', 'PLUGIN_ECR_LIFECYCLE_POLICY'],
    'Policy of an ECR repository.',
  ),
  repository_policy: known(
    'refused',
    ['PLUGIN_REPOSITORY_POLICY', 'PLUGIN_ECR_REPOSITORY_POLICY'],
    'Policy of an ECR repository.',
  ),
  tag_mutability: known(
    'refused',
    ['PLUGIN_TAG_MUTABILITY', 'PLUGIN_IMAGE_TAG_MUTABILITY'],
    'Mutability of tags in ECR.',
  ),
  registry_ids: works({
    env: ['PLUGIN_REGISTRY_IDS', 'PLUGIN_REGISTRY_ID'],
    kind: awsAccount,
    help: 'Account of the registry, twelve digits, when it is not that of the keys.',
  }),
};
