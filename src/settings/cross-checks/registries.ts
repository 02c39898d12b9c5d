// Logins and trust for registries that are fine alone and wrong, or pointless, together.
import { readProxy } from '../../base/proxy.ts';
import { addProblem, addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';

/** Checks logins and trust. */
export function checkRegistries(inputs: CrossInputs): void {
  checkLogin(inputs);
  checkAccessToken(inputs);
  checkBaseImageLogin(inputs);
  checkTrust(inputs);
  checkProxies(inputs);
}

function checkLogin({ values, given, variant, findings }: CrossInputs): void {
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
  // There the registry is put in front of repo.
  if (variant.name !== 'docker' && !variant.soft) return;
  const others = [...new Set((repo ?? []).map(({ domain }) => domain))].filter((domain) => domain !== registry.host);
  if (others.length === 0) return;
  addWarning(
    findings,
    'registry',
    `username and password belong to ${registry.host} only, while repo is at ${others.join(', ')}; set registry to the host that they are for`,
  );
}

function checkAccessToken({ given, findings }: CrossInputs): void {
  // The plain variable is there for many purposes.
  if (!given.has('password') || given.get('access_token')?.from !== 'PLUGIN_ACCESS_TOKEN') return;
  addWarning(findings, 'access_token', 'is not used, because password is given');
}

const baseImageLogin = ['base_image_username', 'base_image_password'] as const;

function checkBaseImageLogin({ given, findings }: CrossInputs): void {
  if (given.has('base_image_registry')) {
    const missing = baseImageLogin.filter((name) => !given.has(name));
    for (const name of missing) {
      addProblem(findings, name, {
        wrong: 'it is missing, while base_image_registry is given',
        right: 'base_image_registry, base_image_username and base_image_password must be given together',
      });
    }
    return;
  }
  const useless = baseImageLogin.filter((name) => given.has(name));
  if (useless.length === 0) return;
  const names = useless.map((name) => nameIn(given.get(name)?.from ?? '')).join(' and ');
  addWarning(
    findings,
    'base_image_registry',
    `is not given, so ${names} ${useless.length === 1 ? 'is' : 'are'} not used; the login for pushing is username and password`,
  );
}

/** As the author wrote it: `docker_username`, or the name of a plain variable. */
function nameIn(from: string): string {
  return from.startsWith('PLUGIN_') ? from.slice('PLUGIN_'.length).toLowerCase() : from;
}

function checkTrust({ values, findings }: CrossInputs): void {
  const isUnverified = values.skip_tls_verify !== false;
  if (!values.insecure && values.insecure_registries === undefined && !isUnverified) return;
  addWarning(
    findings,
    values.insecure ? 'insecure' : isUnverified ? 'skip_tls_verify' : 'insecure_registries',
    'applies to publishing; base images are pulled by the daemon, which needs insecure-registries in its daemon.json',
  );
}

function checkProxies({ values, findings }: CrossInputs): void {
  for (const name of ['http_proxy', 'https_proxy'] as const) {
    const value = values[name];
    if (value === undefined || readProxy(value) !== undefined) continue;
    addWarning(findings, name, 'is no http:// or https:// proxy: the build gets it, this plugin connects without it');
  }
}
