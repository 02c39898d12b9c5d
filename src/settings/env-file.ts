// env_file: variables from a file of the workspace, read before all other settings. Whoever opens a pull request writes that
// file, so it never overrides what the runner gave, may not say how the daemon and registries are reached, and says where
// logins go only where no stranger could have written it.
import { readCommandLine } from './command-line.ts';
import { addProblem, addWarning, type Findings } from './findings.ts';
import { findGiven } from './given.ts';
import { quote, type Environment } from './reading.ts';
import { table } from './table.ts';
import type { WorkspaceFiles } from './workspace-files.ts';

/** A file of variables is short. */
const maxFileBytes = 1024 * 1024;

/** The environment of a step with its env_file, and what is to be said about that. */
export interface FileEnvironment {
  readonly env: Environment;
  readonly findings: Findings;
  readonly notes: readonly string[];
}

/** What reading an env_file needs. */
export interface EnvFileInputs {
  /** What the runner gave. */
  readonly env: Environment;
  readonly argv: readonly string[];
  readonly files: WorkspaceFiles;
  /** The build was started by a pull request. */
  readonly isPullRequest: boolean;
}

/** Adds the variables of the file to those of the runner. Never throws; problems go to the findings. */
export async function readEnvFile({ env, argv, files, isPullRequest }: EnvFileInputs): Promise<FileEnvironment> {
  const findings: Findings = { problems: [], warnings: [] };
  const nothing = { env, findings, notes: [] };
  const path = pathOf(env, argv);
  if (path === undefined) return nothing;
  const followOutsideLinks = /^(?:1|t|true|y|yes|on)$/i.test(env['PLUGIN_FOLLOW_OUTSIDE_LINKS']?.trim() ?? '');
  const file = files.readSmallFile(path, { followOutsideLinks, maxBytes: maxFileBytes });
  if (!file.ok) {
    // drone-docker goes on without it too: the file is often made by a step that does not always run.
    if (file.missing) addWarning(findings, 'env_file', `${file.wrong}; not used`);
    else addProblem(findings, 'env_file', { wrong: file.wrong, right: fileRule });
    return nothing;
  }
  const text = Buffer.from(file.bytes)
    .toString('utf8')
    .replace(/^\u{feff}/u, '');
  const malformed = firstMalformedLine(text);
  if (malformed !== undefined) {
    addProblem(findings, 'env_file', {
      wrong: `line ${malformed} of ${quote(path)} is not NAME=value`,
      right: fileRule,
    });
    return nothing;
  }
  // Few steps have such a file: who has none does not wait for its reader.
  const { default: dotenv } = await import('dotenv');
  return merge(env, dotenv.parse(text), isPullRequest, findings);
}

const fileRule = 'must be a text file with a line NAME=value for each variable';

/** The file, if one is named; the settings proper are read later, so nothing is said about them here. */
function pathOf(env: Environment, argv: readonly string[]): string | undefined {
  const nobody: Findings = { problems: [], warnings: [] };
  const { flags } = readCommandLine(argv, nobody);
  const { given } = findGiven(env, flags, () => undefined, nobody);
  return given.get('env_file')?.text.trim();
}

function merge(
  env: Environment,
  found: Readonly<Record<string, string>>,
  isPullRequest: boolean,
  findings: Findings,
): FileEnvironment {
  const taken = new Set(Object.keys(env).map(canonical));
  const added: [string, string][] = [];
  const directing: string[] = [];
  for (const [name, value] of Object.entries(found)) {
    if (isTransport(name)) {
      addProblem(findings, 'env_file', {
        wrong: `it sets ${name}, which decides how daemons, registries or programs are reached`,
        right: 'must not hold that name; set it in the step',
      });
    } else if (!taken.has(canonical(name))) {
      if (directsLogins(name)) directing.push(name);
      added.push([name, value]);
    }
  }
  if (directing.length > 0 && isPullRequest) {
    addProblem(findings, 'env_file', {
      wrong: `it sets ${directing.join(', ')}, which decides where logins and images go, in a build of a pull request`,
      right: 'must not hold such names in pull requests; set them in the step',
    });
  }
  const notes = directing.length === 0 ? [] : [`${directing.join(', ')} come from env_file`];
  return { env: { ...env, ...Object.fromEntries(added) }, findings, notes };
}

/** Spellings that mean the same setting are one name. */
function canonical(name: string): string {
  return /^plugin[_.-]/i.test(name) ? name.toUpperCase().replace(/[-.]/g, '_') : name;
}

const transport = [
  /^NODE_/,
  /^LD_/,
  /^(?:PATH|HOME)$/,
  /^DOCKER_HOST$/,
  /^DOCKER_.*TLS/,
  /^DOCKER_CERT_PATH$/,
  /_PROXY$/,
  /^SSL_CERT_/,
  /^BUILDKIT_HOST$/,
  /^AWS_ENDPOINT_URL/,
];

/** The same names as settings are no better. */
function isTransport(name: string): boolean {
  const bare = canonical(name)
    .toUpperCase()
    .replace(/^PLUGIN_/, '');
  return transport.some((pattern) => pattern.test(bare));
}

/** Settings that say to whom logins are shown, and what is published where. */
const directingSettings = new Set([
  'registry',
  'repo',
  'extra_tags',
  'config',
  'logins',
  'insecure',
  'insecure_registries',
  'skip_tls_verify',
  'token_hosts',
  'base_image_registry',
  'base_registry',
  'ca_cert',
  'azure_authority_host',
  'cache_to',
  'cache_images',
  'cache_repo',
]);
const otherDirecting = new Set(['DOCKER_AUTH_CONFIG', 'DOCKER_CONFIG']);

function directsLogins(name: string): boolean {
  const wanted = canonical(name);
  if (otherDirecting.has(wanted)) return true;
  return [...table].some(([setting, { env }]) => directingSettings.has(setting) && env.includes(wanted));
}

/**
 * dotenv drops lines that it does not understand, which would be a typo that nobody hears of.
 * @returns the number of the first such line, from 1
 */
function firstMalformedLine(text: string): number | undefined {
  let openQuote: string | undefined;
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    if (openQuote !== undefined) {
      if (line.includes(openQuote)) openQuote = undefined;
      continue;
    }
    if (/^\s*(?:#.*)?$/.test(line)) continue;
    const [, value] = /^\s*(?:export\s+)?[\w.-]+(?:\s*=|:\s)\s*(.*)$/.exec(line) ?? [];
    if (value === undefined) return index + 1;
    const quoteMark = /^["'`]/.exec(value)?.[0];
    if (quoteMark !== undefined && !value.slice(1).includes(quoteMark)) openQuote = quoteMark;
  }
  return undefined;
}
