// Logins and certificates that come from files: docker config.json by setting or from its usual places, and the
// authorities of ca_cert. A broken setting is an error; what merely lies around on the machine can only cause a warning.
import { join } from 'node:path';
import { checkCertificates } from './connection-kinds.ts';
import { checkDockerConfig } from './docker-config.ts';
import { addProblem, addWarning, type Findings } from './findings.ts';
import type { Given } from './given.ts';
import type { Environment } from './reading.ts';
import type { DockerConfigText } from './settings.ts';
import type { Values } from './table.ts';
import type { WorkspaceFiles } from './workspace-files.ts';

/** Files of this kind are a few KiB; a larger one is something else. */
const maxFileBytes = 1024 * 1024;

/** What reading logins needs. */
export interface LoginInputs {
  readonly values: Values;
  readonly given: ReadonlyMap<string, Given>;
  readonly environment: Environment;
  readonly files: WorkspaceFiles;
  readonly redact: (secret: string) => void;
  readonly findings: Findings;
}

/** The config.json of the setting, then those of the machine. */
export function readDockerConfigs(inputs: LoginInputs): readonly DockerConfigText[] {
  return [...configOfSetting(inputs), ...configsOfMachine(inputs)];
}

const configRule = 'must be the text of a docker config.json, or the path of one';

function configOfSetting({ values, files, redact, findings }: LoginInputs): readonly DockerConfigText[] {
  const { config } = values;
  if (config === undefined) return [];
  const text = config.startsWith('{') ? config : readText(config, files);
  if (text === undefined) {
    // What is no path may be the secret itself.
    redact(config);
    addProblem(findings, 'config', { wrong: 'it is neither JSON nor a file that can be read', right: configRule });
    return [];
  }
  const reading = checkDockerConfig(text, redact);
  for (const warning of reading.warnings) addWarning(findings, 'config', warning);
  if (reading.ok) return [{ text, source: 'settings config' }];
  for (const problem of reading.problems) addProblem(findings, 'config', problem);
  return [];
}

function configsOfMachine({ environment, files, redact, findings }: LoginInputs): readonly DockerConfigText[] {
  const fromVariable = environment['DOCKER_AUTH_CONFIG'];
  const folder = environment['DOCKER_CONFIG'];
  const home = environment['HOME'];
  const candidates = [
    { source: 'DOCKER_AUTH_CONFIG', text: fromVariable?.trim() },
    ...(folder ? [{ source: '$DOCKER_CONFIG/config.json', text: readText(join(folder, 'config.json'), files) }] : []),
    ...(home && !folder
      ? [{ source: '~/.docker/config.json', text: readText(join(home, '.docker/config.json'), files) }]
      : []),
  ];
  return candidates.flatMap(({ source, text }) => {
    if (text === undefined || text === '') return [];
    const reading = checkDockerConfig(text, redact);
    if (reading.ok) return [{ source, text }];
    const isEmpty = reading.problems.every(({ wrong }) => wrong === 'has no "auths"');
    if (!isEmpty) findings.warnings.push(`${source} is not used: it ${reading.problems[0]?.wrong ?? 'is wrong'}`);
    return [];
  });
}

function readText(path: string, files: WorkspaceFiles): string | undefined {
  const file = files.readSmallFile(path, { followOutsideLinks: false, maxBytes: maxFileBytes });
  return file.ok
    ? Buffer.from(file.bytes)
        .toString('utf8')
        .replace(/^\u{feff}/u, '')
        .trim()
    : undefined;
}

/** The certificates of ca_cert as PEM texts. */
export function readCertificates({ values, given, files, findings }: LoginInputs): readonly string[] {
  const source = values.ca_cert;
  if (source === undefined) return [];
  if (source.kind === 'pem') return [source.pem];
  return source.paths.flatMap((path) => {
    const file = files.readSmallFile(path, { followOutsideLinks: false, maxBytes: maxFileBytes });
    const reading = file.ok ? checkCertificates(Buffer.from(file.bytes).toString('utf8')) : undefined;
    if (reading?.ok === true) return [reading.value];
    const wrong = file.ok ? (reading?.problems[0]?.wrong ?? '') : file.wrong;
    // Harness sets its variable everywhere, whether the file is there or not.
    if (given.get('ca_cert')?.from === 'HARNESS_CA_PATH')
      addWarning(findings, 'ca_cert', `(HARNESS_CA_PATH) ${wrong}; not used`);
    else addProblem(findings, 'ca_cert', { wrong, right: 'must be PEM text or paths of PEM files' });
    return [];
  });
}
