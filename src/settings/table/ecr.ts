// Rows: Amazon ECR, private and public.
import { cloud, cloudSecret } from './cloud-row.ts';
import { known, offWords } from './row.ts';

export const ecrRows = {
  region: known('unused', ['PLUGIN_REGION', 'PLUGIN_AWS_REGION'], 'Region of an ECR registry.'),
  access_key: cloudSecret('PLUGIN_ACCESS_KEY', 'PLUGIN_AWS_ACCESS_KEY_ID'),
  secret_key: cloudSecret('PLUGIN_SECRET_KEY', 'PLUGIN_AWS_SECRET_ACCESS_KEY'),
  session_token: cloudSecret('PLUGIN_SESSION_TOKEN', 'PLUGIN_AWS_SESSION_TOKEN'),
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
  registry_ids: cloud('PLUGIN_REGISTRY_IDS', 'PLUGIN_REGISTRY_ID'),
};
