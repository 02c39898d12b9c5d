// Build arguments by origin: the setting itself, variables that it names, proxies of the step. What a bare name means is
// looked up here; who wins over whom is the plan's.
import { addProblem, addWarning, type Findings } from './findings.ts';
import type { Environment } from './reading.ts';
import type { BuildArgSources } from './settings.ts';
import type { Values } from './table.ts';

/** Collects the build arguments. */
export function readBuildArgs(values: Values, environment: Environment, findings: Findings): BuildArgSources {
  const explicit = explicitArgs(values, findings);
  const fromEnvironment = (values.build_args_from_env ?? []).flatMap((name) => {
    const value = lookUp(name, environment);
    if (value !== undefined) return [{ name, value }];
    addWarning(findings, 'build_args_from_env', `variable ${name} is not set in the step's environment; left out`);
    return [];
  });
  const proxies = new Map<string, string>();
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy'] as const) {
    const value = values[name];
    if (value !== undefined) proxies.set(name, value);
  }
  warnOfSecretNames(explicitSetting(values), [...explicit.keys()], findings);
  warnOfSecretNames(
    'build_args_from_env',
    fromEnvironment.map(({ name }) => name),
    findings,
  );
  return { explicit, fromEnvironment, proxies };
}

/** Which of the two settings counts. */
function explicitSetting(values: Values): 'build_args' | 'build_args_new' {
  const { build_args: plain, build_args_new: separated, multiple_build_args: isWanted } = values;
  return separated !== undefined && (isWanted || plain === undefined) ? 'build_args_new' : 'build_args';
}

function explicitArgs(values: Values, findings: Findings): ReadonlyMap<string, string> {
  const setting = explicitSetting(values);
  if (values.build_args_new !== undefined && !values.multiple_build_args) {
    const what =
      setting === 'build_args_new'
        ? 'is used, although multiple_build_args is not true'
        : 'is not used, because build_args is given and multiple_build_args is not true';
    addWarning(findings, 'build_args_new', what);
  }
  return values[setting] ?? new Map();
}

function lookUp(name: string, environment: Environment): string | undefined {
  const upper = name.toUpperCase();
  const found = [name, upper, `HARNESS_${upper}`].map((candidate) => environment[candidate]);
  return found.find((value) => value !== undefined && value !== '') ?? found.find((value) => value !== undefined);
}

function warnOfSecretNames(setting: string, names: readonly string[], findings: Findings): void {
  const suspicious = [...new Set(names)].filter((name) => /TOKEN|PASSWORD|PASSWD|SECRET|PRIVATE_?KEY/i.test(name));
  if (suspicious.length === 0) return;
  addWarning(
    findings,
    setting,
    `${suspicious.join(', ')} can be read by everybody who has the image; use secrets_from_env and RUN --mount=type=secret`,
  );
}

/** Shorter secrets equal ordinary words too often. */
const minComparedLength = 6;

/**
 * A build argument stays readable in the image and in the daemon: the value of a secret must not be one.
 * @param secrets everything that was registered for masking
 */
export function checkForSecrets(
  args: BuildArgSources,
  secrets: ReadonlySet<string>,
  values: Values,
  findings: Findings,
): void {
  if (values.secret_scan === 'off') return;
  const secretTexts = new Set(
    [...secrets].map((text) => text.trim()).filter((text) => text.length >= minComparedLength),
  );
  const all = [
    ...[...args.explicit].map(([name, value]) => ({ setting: explicitSetting(values), name, value })),
    ...args.fromEnvironment.map(({ name, value }) => ({ setting: 'build_args_from_env', name, value })),
  ];
  for (const { setting, name, value } of all) {
    if (!secretTexts.has(value.trim())) continue;
    const wrong = `the value of ${name} is that of a secret, and would be readable in the image`;
    const right = 'must be given to the build by secrets_from_env and RUN --mount=type=secret';
    if (values.secret_scan === 'fail') addProblem(findings, setting, { wrong, right });
    else addWarning(findings, setting, wrong);
  }
}
