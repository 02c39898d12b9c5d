// Logins and trust for registries that are fine alone and wrong, or pointless, together.
import { addProblem, addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';

/** Checks logins and trust. */
export function checkRegistries(inputs: CrossInputs): void {
  checkLogin(inputs);
  checkTrust(inputs);
}

function checkLogin({ values, given, findings }: CrossInputs): void {
  const { username, password, registry, repo } = values;
  if (given.has('password') && username === undefined) {
    addProblem(findings, 'username', {
      wrong: 'it is missing, while password is given',
      right: 'must be the user that the password belongs to',
    });
  }
  if (username !== undefined && !given.has('password')) {
    addWarning(findings, 'username', 'is not used without password');
  }
  if (username === undefined || password === undefined) return;
  const others = [...new Set((repo ?? []).map(({ domain }) => domain))].filter((domain) => domain !== registry.host);
  if (others.length === 0) return;
  addWarning(
    findings,
    'registry',
    `username and password belong to ${registry.host} only, while repo is at ${others.join(', ')}; set registry to the host that they are for`,
  );
}

function checkTrust({ values, findings }: CrossInputs): void {
  if (!values.insecure && values.insecure_registries === undefined) return;
  addWarning(
    findings,
    values.insecure ? 'insecure' : 'insecure_registries',
    'applies to publishing; base images are pulled by the daemon, which needs insecure-registries in its daemon.json',
  );
}
