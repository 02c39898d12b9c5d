// The settings of a step: arguments and environment, read by the table, checked together, with the files that they name.
// Everything that is wrong is found before any connection and reported at once.
import { readBuildxOptions } from './buildx-options.ts';
import { readCommandLine } from './command-line.ts';
import { readAttestations } from './read-attestations.ts';
import { readCaches } from './read-caches.ts';
import { crossCheck, isDryRun } from './cross-checks.ts';
import { lookUpEnvironment } from './extra-environment.ts';
import { SettingsError, type Findings } from './findings.ts';
import { findGiven } from './given.ts';
import { withGitToken } from './git-token.ts';
import { readMachineLogins } from './machine-logins.ts';
import { readArchive } from './read-archive.ts';
import { checkForSecrets, readBuildArgs } from './read-build-args.ts';
import { readDockerConfigs, redactLogin } from './read-logins.ts';
import { readOutputs } from './read-outputs.ts';
import { readPolicies } from './read-policies.ts';
import { readReports } from './read-reports.ts';
import { readSecrets } from './read-secrets.ts';
import { readSigning } from './read-signing.ts';
import { noSource, readNamedContexts, readSource } from './read-source.ts';
import { readSsh } from './read-ssh.ts';
import { readExtraTags, readTags } from './read-tags.ts';
import { readTrust } from './read-trust.ts';
import { readValues } from './read-values.ts';
import type { Environment, Redact } from './reading.ts';
import type { Settings } from './settings.ts';
import type { WorkspaceFiles } from './workspace-files.ts';

/** Where settings come from. */
export interface SettingsInputs {
  readonly env: Environment;
  /** Arguments behind the program's name. */
  readonly argv: readonly string[];
  readonly files: WorkspaceFiles;
  /** Called with each secret as soon as it is read. */
  readonly redact: Redact;
  /** What was found and noted before the settings were read. */
  readonly before?: { readonly findings: Findings; readonly notes: readonly string[] };
}

/** What a step asked for. */
export type Request =
  /** `check`: say what would be done. */
  | { readonly mode: 'run' | 'check'; readonly settings: Settings; readonly warnings: readonly string[] }
  | { readonly mode: 'help' }
  | { readonly mode: 'version' };

/** Reads and checks everything. Throws SettingsError with a line for each problem, and nothing else. */
export function readSettings(inputs: SettingsInputs): Request {
  const { env, argv, files, before } = inputs;
  const { redact, known } = remembering(inputs.redact);
  const findings: Findings = before?.findings ?? { problems: [], warnings: [] };
  const { mode, flags } = readCommandLine(argv, findings);
  if (mode === 'help') return { mode };
  if (mode === 'version') return { mode };
  // Without a prototype: settings name variables, and `toString` or `__proto__` are none.
  const environment: Environment = Object.assign(Object.create(null), env);
  const { given: own, variant } = findGiven(environment, flags, redact, findings);
  const fromFlags = readBuildxOptions(own, findings);
  const given = new Map([...fromFlags, ...own]);
  // What names variables looks them up here; the settings themselves are the step's alone.
  const variables = lookUpEnvironment(environment, given, findings);
  const values = readValues(given, variables, redact, findings, fromFlags);
  const dryRun = isDryRun({ values, given, findings });
  const machine = readMachineLogins(environment, redact);
  crossCheck({ values, given, variant, machine, dryRun, findings });
  const notes: string[] = [...(before?.notes ?? [])];
  const source = { values, files, findings, notes };
  const logins = { values, given, environment, files, redact, findings };
  redactLogin(logins);
  const contexts = values.push_only
    ? noSource(files)
    : { source: readSource(source), namedContexts: readNamedContexts(source) };
  const secretInputs = { values, environment: variables, files, redact, findings };
  const secrets = withGitToken(readSecrets(secretInputs), contexts, secretInputs);
  const ssh = readSsh({ ...secretInputs, environment });
  const buildArgs = readBuildArgs(values, variables, findings);
  const signing = readSigning({ values, files, redact, findings });
  const archive = readArchive(values, files, findings);
  const settings: Settings = {
    values,
    variant,
    machine,
    policies: readPolicies(values, files, findings),
    tags: readTags(values, files, findings, notes),
    extraTags: readExtraTags(values, files, findings, notes),
    ...contexts,
    ...(archive === undefined ? {} : { archive }),
    buildArgs,
    attestations: readAttestations(values, findings),
    caches: readCaches({ values, files, redact, findings }),
    secrets,
    outputs: readOutputs(values, files, findings),
    ssh,
    dockerConfigs: readDockerConfigs(logins),
    trust: readTrust(logins),
    ...(signing === undefined ? {} : { signing }),
    reports: readReports({ values, given, environment, files, findings }),
    dryRun,
    notes,
  };
  checkForSecrets(buildArgs, known, values, findings);
  if (findings.problems.length > 0) throw new SettingsError(findings.problems, findings.warnings);
  return { mode, settings, warnings: findings.warnings };
}

/** What was registered for masking is looked for in build arguments as well. */
function remembering(redact: Redact): { readonly redact: Redact; readonly known: ReadonlySet<string> } {
  const known = new Set<string>();
  const remember: Redact = (secret) => {
    known.add(secret);
    return redact(secret);
  };
  return { redact: remember, known };
}
