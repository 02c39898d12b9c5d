// Logins that come from files: docker config.json by setting or from its usual places. A broken setting is an error; what merely lies around on the machine can only cause a warning.
import { join } from 'node:path';
import { accessTokenUser } from '../base/credentials.ts';
import { checkDockerConfig, type DockerConfigCheck } from './docker-config.ts';
import { addProblem, addWarning, type Findings } from './findings.ts';
import type { Given } from './given.ts';
import { tooShortToMask, type Environment, type Redact } from './reading.ts';
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
  readonly redact: Redact;
  readonly findings: Findings;
}

/** Registers user and password together: a Basic header shows them as one text in base64. */
export function redactLogin({ values, redact }: LoginInputs): void {
  const { username, password, base_image_username: baseUser, base_image_password: basePassword } = values;
  if (username !== undefined && password !== undefined) redact(`${username}:${password}`);
  if (baseUser !== undefined && basePassword !== undefined) redact(`${baseUser}:${basePassword}`);
  if (values.access_token !== undefined) redact(`${accessTokenUser}:${values.access_token}`);
  for (const entry of values.logins ?? []) {
    if (entry.kind === 'access-token') redact(`${accessTokenUser}:${entry.token}`);
  }
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
  const check = checkDockerConfig(text, redact);
  for (const wrong of problemsOf(check)) addProblem(findings, 'config', { wrong, right: configRule });
  if (check.kind !== 'usable') return [];
  for (const helper of check.helpers) {
    const warning = `names the credential program ${helper}, which is not in this image; its logins are not available`;
    addWarning(findings, 'config', warning);
  }
  if (check.holdsShortSecret) addWarning(findings, 'config', `holds a secret that ${tooShortToMask}`);
  return [{ text, source: 'settings config', ...helperHostsOf(check) }];
}

function helperHostsOf(check: DockerConfigCheck): Pick<DockerConfigText, 'helperHosts'> {
  return check.kind !== 'usable' || check.helperHosts.length === 0 ? {} : { helperHosts: check.helperHosts };
}

/** Somebody wrote this setting for this step: each login in it has to be right, also one that is not needed today. */
function problemsOf(check: DockerConfigCheck): readonly string[] {
  switch (check.kind) {
    case 'no-logins':
      return ['has no "auths"'];
    case 'unusable':
      return [check.wrong];
    case 'usable':
      return check.brokenEntries;
  }
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
    const check = checkDockerConfig(text, redact);
    if (check.kind === 'unusable') findings.warnings.push(`${source} is not used: it ${check.wrong}`);
    // Broken entries and missing programs are spoken of when their host is asked for.
    return check.kind === 'usable' ? [{ source, text, ...helperHostsOf(check) }] : [];
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
