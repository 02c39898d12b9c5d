// Settings that are fine alone and wrong, or pointless, together.
import { addProblem, addWarning, type Findings } from './findings.ts';
import type { Given } from './given.ts';
import type { Values } from './table.ts';

/** What the checks look at. */
export interface CrossInputs {
  readonly values: Values;
  readonly given: ReadonlyMap<string, Given>;
  readonly dryRun: boolean;
  readonly findings: Findings;
}

/** Runs all checks. */
export function crossCheck(inputs: CrossInputs): void {
  for (const check of [checkDestination, checkAutoTag, checkLogin, checkTrust, checkDaemon, checkLabels, checkPull])
    check(inputs);
}

/** `dry_run: true` or `push: false`. */
export function isDryRun({ values, given, findings }: Omit<CrossInputs, 'dryRun'>): boolean {
  if (given.has('dry_run') && given.has('push') && values.dry_run === values.push) {
    addProblem(findings, 'push', {
      wrong: `push: ${values.push} and dry_run: ${values.dry_run} contradict each other`,
      right: 'must be left out, or agree with dry_run',
    });
  }
  return values.dry_run || !values.push;
}

function checkDestination({ given, dryRun, findings }: CrossInputs): void {
  if (given.has('repo') || dryRun) return;
  addProblem(findings, 'repo', {
    wrong: 'it is required and missing',
    right: 'must be the repository to publish to, or set dry_run: true',
  });
}

const autoTagOnly = [
  'auto_tag_suffix',
  'auto_tag_with_tags',
  'auto_tag_latest',
  'auto_tag_depth',
  'auto_tag_prefix',
  'auto_tag_non_semver',
  'auto_tag_fallback',
  'default_tag',
] as const;

function checkAutoTag({ values, given, findings }: CrossInputs): void {
  if (!values.auto_tag) {
    const pointless = autoTagOnly.filter((name) => given.has(name));
    for (const name of pointless) addWarning(findings, name, 'does nothing without auto_tag: true');
    return;
  }
  const tags = values.tags ?? [];
  const isJustLatest = tags.length === 1 && tags[0] === 'latest';
  const source = given.has('tags_file') ? 'tags_file' : 'tags';
  if (values.auto_tag_with_tags || !given.has(source) || (source === 'tags' && isJustLatest)) return;
  addWarning(findings, source, 'is not used, because auto_tag makes the tags; auto_tag_with_tags: true publishes both');
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

function checkDaemon({ values, findings }: CrossInputs): void {
  const { docker_host: host, docker_tls_verify: verify, docker_tls_cert: cert, docker_tls_key: key } = values;
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? 'docker_tls_cert' : 'docker_tls_key';
    addProblem(findings, missing, {
      wrong: 'it is missing',
      right: 'docker_tls_cert and docker_tls_key must be given together',
    });
  }
  const usesTls =
    verify || values.docker_cert_path !== undefined || cert !== undefined || values.docker_tls_ca !== undefined;
  if (host === undefined || usesTls || !/^(?:tcp|http):/i.test(host)) return;
  if (/^[a-z]+:\/\/(?:localhost|127\.|\[::1\])/i.test(host)) return;
  addWarning(
    findings,
    'docker_host',
    'the daemon is reached without TLS: who can read that network reads the secrets of the build',
  );
}

function checkLabels({ values, given, findings }: CrossInputs): void {
  if (given.has('label_schema') && !values.auto_label)
    addWarning(findings, 'label_schema', 'does nothing without auto_label');
}

function checkPull({ values, findings }: CrossInputs): void {
  if (values.pull_image) return;
  addWarning(findings, 'pull_image', 'images that the daemon has under a name may decide what FROM means');
}
