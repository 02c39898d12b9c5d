// Settings of Google's registries that are wrong, or pointless, together.
import { addProblem, addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';
import { hasOtherLogin } from './other-login.ts';

const federation = ['project_number', 'pool_id', 'provider_id', 'service_account_email'] as const;

/** Checks the login and the registry of a step for GCR or GAR. */
export function checkGoogle(inputs: CrossInputs): void {
  const { variant } = inputs;
  if (variant.soft || (variant.name !== 'gcr' && variant.name !== 'gar')) return;
  checkFederation(inputs);
  checkKey(inputs);
  checkLocation(inputs);
}

function checkFederation({ given, findings }: CrossInputs): void {
  const missing = federation.filter((name) => !given.has(name));
  if (!given.has('oidc_token_id')) {
    const useless = federation.filter((name) => given.has(name));
    for (const name of useless) addWarning(findings, name, 'is not used without oidc_token_id');
    return;
  }
  if (missing.length === 0) return;
  if (given.has('json_key')) {
    const other = `is not used, because ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing; json_key is used`;
    addWarning(findings, 'oidc_token_id', other);
    return;
  }
  addProblem(findings, 'oidc_token_id', {
    wrong: `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    right: `must be given together with ${federation.join(', ')}`,
  });
}

function checkKey(inputs: CrossInputs): void {
  const { values, given, dryRun, findings } = inputs;
  if (given.has('oidc_token_id') && federation.every((name) => given.has(name))) return;
  const key = values.json_key;
  if (key !== undefined) {
    if (values.workload_identity || key.type === 'service_account') return;
    addProblem(findings, 'json_key', {
      wrong: `it is of type ${key.type}, which is no password`,
      right: 'must be the key of a service account, or workload_identity: true makes a token of it',
    });
    return;
  }
  if (given.has('json_key') || values.workload_identity || dryRun || hasOtherLogin(given)) return;
  addWarning(findings, 'json_key', 'is missing, and so are workload_identity and oidc_token_id: nobody logs in');
}

function checkLocation({ values, variant, given, findings }: CrossInputs): void {
  if (variant.name !== 'gar' || given.has('location') || given.has('registry')) return;
  if ((values.repo ?? []).every(({ written }) => /^[^/]+\.[^/]+\//.test(written)) && given.has('repo')) return;
  addProblem(findings, 'location', {
    wrong: 'it is missing, and so is registry',
    right: 'must be the location of the Artifact Registry, such as europe-west1',
  });
}
