// Settings of Amazon ECR that are fine alone and wrong, or pointless, together.
import { readEcrHost, variantOfHost } from '../../base/registry-variant.ts';
import { addProblem, addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';

/** Checks keys, role and what is done to repositories. */
export function checkEcr(inputs: CrossInputs): void {
  checkKeys(inputs);
  checkLogin(inputs);
  checkRole(inputs);
  checkRepositories(inputs);
  checkPlaces(inputs);
}

/** Plain variables of a runner that is no step for ECR are nobody's mistake here. */
function isAsked({ given, variant }: CrossInputs, name: 'access_key' | 'secret_key' | 'session_token'): boolean {
  const from = given.get(name)?.from;
  return from !== undefined && (from.startsWith('PLUGIN_') || !variant.soft);
}

function checkKeys(inputs: CrossInputs): void {
  const { given, values, findings } = inputs;
  const pairs = [
    ['access_key', 'secret_key'],
    ['secret_key', 'access_key'],
  ] as const;
  for (const [one, other] of pairs) {
    if (!isAsked(inputs, one) || given.has(other)) continue;
    addProblem(findings, other, {
      wrong: `it is missing, while ${one} is given`,
      right: 'access_key and secret_key must be given together, or both left out',
    });
  }
  if (values.session_token === undefined || !isAsked(inputs, 'session_token')) return;
  if (values.access_key?.startsWith('AKIA') === true) {
    addWarning(findings, 'session_token', 'is not used, because access_key is a permanent one (AKIA…)');
  } else if (values.access_key === undefined && given.get('session_token')?.from.startsWith('PLUGIN_') === true) {
    addWarning(findings, 'session_token', 'is not used without access_key and secret_key');
  }
}

/** With the keys of an account Amazon can say which registry is meant; a user and a password belong to one by name. */
function checkLogin({ values, variant, findings }: CrossInputs): void {
  if (variant.name !== 'ecr' || variant.soft || values.username === undefined || values.password === undefined) return;
  if (values.registry.written !== '' || values.repo?.every(({ domain }) => readEcrHost(domain) !== undefined)) return;
  addProblem(findings, 'registry', {
    wrong: 'it is missing, while username and password are given',
    right: 'must be the ECR registry that they belong to, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com',
  });
}

function checkRole({ given, values, variant, findings }: CrossInputs): void {
  const isEcr = variant.name === 'ecr' || variant.name === 'ecr-public';
  if (values.assume_role === undefined) {
    if (given.has('external_id')) addWarning(findings, 'external_id', 'is not used without assume_role');
    if (isEcr && given.has('oidc_token_id')) {
      addWarning(findings, 'oidc_token_id', 'is not used without assume_role, the role that it may take on');
    }
  } else if (given.has('oidc_token_id') && given.has('external_id')) {
    addWarning(findings, 'external_id', 'is not used, because oidc_token_id is the identity that takes on the role');
  }
}

const privateOnly = ['lifecycle_policy', 'scan_on_push', 'tag_mutability'] as const;

function checkRepositories({ given, values, variant, findings }: CrossInputs): void {
  // ACR creates repositories by itself.
  if (variant.name === 'acr') return;
  for (const name of ['scan_on_push', 'tag_mutability'] as const) {
    if (given.has(name) && !values.create_repository)
      addWarning(findings, name, 'does nothing without create_repository');
  }
  if (variant.name !== 'ecr-public') return;
  for (const name of privateOnly) {
    if (given.has(name)) addWarning(findings, name, 'is not used: public ECR has no such thing');
  }
}

const woodpeckerNames = ['region', 'access_key', 'secret_key', 'create_repository', 'lifecycle_policy'] as const;

function checkPlaces({ given, values, variant, findings }: CrossInputs): void {
  const isEcr = variant.name === 'ecr' || variant.name === 'ecr-public';
  const hosts = [
    values.registry.host,
    ...(values.repo ?? []).map(({ domain }) => domain),
    ...(values.logins ?? []).flatMap((login) => ('registry' in login ? [login.registry] : [])),
  ];
  if (!isEcr && !hosts.some((host) => ['ecr', 'ecr-public'].includes(variantOfHost(host) ?? ''))) {
    const useless = woodpeckerNames.filter((name) => /^PLUGIN_(?:AWS|ECR)_/.test(given.get(name)?.from ?? ''));
    const [first] = useless;
    if (first !== undefined)
      addWarning(
        findings,
        first,
        `(${useless.map((name) => given.get(name)?.from).join(', ')}) is not used: no registry of this step is at ECR`,
      );
  }
  if (values.region === undefined || values.region.isOfMachine) return;
  const ofHost = readEcrHost(values.registry.host)?.region;
  if (ofHost === undefined || ofHost === values.region.name) return;
  addWarning(
    findings,
    'region',
    `is ${values.region.name}, while ${values.registry.host} is in ${ofHost}; the host counts`,
  );
}
