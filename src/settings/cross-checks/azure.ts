// Settings of Azure's registries that are wrong, or pointless, together.
import { addProblem, addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';
import { hasOtherLogin } from './other-login.ts';

/** Checks the login and the registry of a step for ACR. */
export function checkAzure(inputs: CrossInputs): void {
  const { variant } = inputs;
  if (variant.soft || variant.name !== 'acr') return;
  checkRegistry(inputs);
  checkLogin(inputs);
}

function checkRegistry({ values, given, findings }: CrossInputs): void {
  const isUseless = !given.has('registry') || values.registry.host === 'azurecr.io';
  const repositories = values.repo ?? [];
  const isFull = repositories.length > 0 && repositories.every(({ written }) => /^[^/]+\.[^/]+\//.test(written));
  if (!isUseless || (isFull && !given.has('registry'))) return;
  addProblem(findings, 'registry', {
    wrong: given.has('registry') ? 'azurecr.io alone is no registry' : 'it is missing',
    right: 'must be the host of the registry, such as acme.azurecr.io',
  });
}

const pair = ['service_principal_client_id', 'service_principal_client_secret'] as const;
const proofs = ['client_secret', 'client_certificate', 'oidc_token_id'] as const;

function checkLogin({ given, machine, dryRun, findings }: CrossInputs): void {
  const half = pair.filter((name) => given.has(name));
  if (half.length === 1) {
    const missing = pair.find((name) => !given.has(name)) ?? '';
    addProblem(findings, missing, {
      wrong: `it is missing, while ${half.join('')} is given`,
      right: `${pair.join(' and ')} must be given together`,
    });
  }
  if (given.has('client_secret') && given.has('client_certificate')) {
    addWarning(findings, 'client_certificate', 'is not used, because client_secret is given');
  }
  if (half.length > 0 || dryRun || hasOtherLogin(given)) return;
  const missing = [
    ...(['tenant_id', 'client_id'] as const).filter((name) => !given.has(name)),
    ...(proofs.some((name) => given.has(name)) || machine.azure.tokenFile !== undefined
      ? []
      : ['client_secret, client_certificate or oidc_token_id']),
  ];
  if (missing.length === 0) return;
  addProblem(findings, 'client_id', {
    wrong: `there is no login for the registry: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    right:
      'must be given together with tenant_id and one of client_secret, client_certificate and oidc_token_id; or give username and password',
  });
}
