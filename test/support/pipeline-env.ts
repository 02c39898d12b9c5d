// Turns the steps of a pipeline file into the environment that a runner gives them, so that the examples are tested as they are
// written. What is imitated: Drone's encoder (drone/runner-go, the docker runner) and Woodpecker's compiler (settings/params.go).
import { parseAllDocuments } from 'yaml';

export type Runner = 'drone' | 'woodpecker';

/** A step that has settings: a plugin. Integers are bigint, so that `1.0` and `1` stay apart. */
export interface PluginSpec {
  readonly name: string;
  readonly image: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, unknown>>;
}

/** By name. Both runners look names up as they are written in lower case. */
export type PipelineSecrets = Readonly<Record<string, string>>;

/** DRONE_* or CI_*, for `${NAME}` in the file. */
export type BuildFacts = Readonly<Record<string, string>>;

/** Every plugin step of a file, over all its documents. `${NAME}` and `${NAME:0:8}` are filled in first, as runners do. */
export function readPluginSteps(text: string, facts: BuildFacts = {}): readonly PluginSpec[] {
  return parseAllDocuments(fillIn(text, facts), { intAsBigInt: true }).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(document.errors.map(({ message }) => message).join('\n'));
    const pipeline: unknown = document.toJS();
    const steps = isMap(pipeline) ? pipeline['steps'] : undefined;
    return Array.isArray(steps) ? steps.flatMap(readStep) : [];
  });
}

function readStep(step: unknown): readonly PluginSpec[] {
  if (!isMap(step) || !isMap(step['settings'])) return [];
  const { name, image, settings, environment } = step;
  if (typeof name !== 'string' || typeof image !== 'string') throw new Error('a step without name or image');
  return [{ name, image, settings, environment: isMap(environment) ? environment : {} }];
}

/** Stricter than the runners, which make an unknown name empty: in an example that is a mistake. */
function fillIn(text: string, facts: BuildFacts): string {
  return text.replace(
    /\$?\$\{(\w+)(?::(\d+):(\d+))?\}/g,
    (written: string, name: string, from?: string, length?: string) => {
      if (written.startsWith('$$')) return written.slice(1);
      const fact = facts[name];
      if (fact === undefined) throw new Error(`no fact for ${written}`);
      return from === undefined ? fact : fact.slice(Number(from), Number(from) + Number(length));
    },
  );
}

/** The variables that a step gets from its `environment` and `settings`. */
export function stepEnvironment(step: PluginSpec, runner: Runner, secrets: PipelineSecrets): Record<string, string> {
  const variables = new Map<string, string>();
  for (const [name, value] of Object.entries(step.environment)) {
    const text = encode(value, runner, secrets);
    if (text !== undefined) variables.set(name, text);
  }
  for (const [key, value] of Object.entries(step.settings)) {
    const text = encode(value, runner, secrets);
    if (text !== undefined) variables.set(variableName(key, runner), text);
  }
  return Object.fromEntries(variables);
}

/** Drone changes nothing but the case: `ssh-agent-key` becomes PLUGIN_SSH-AGENT-KEY. */
function variableName(key: string, runner: Runner): string {
  return `PLUGIN_${(runner === 'drone' ? key : key.replace(/[.-]/g, '_')).toUpperCase()}`;
}

/** The text of a value; undefined when the runner does not set the variable at all. */
function encode(value: unknown, runner: Runner, secrets: PipelineSecrets): string | undefined {
  const secret = secretName(value);
  if (secret !== undefined) return findSecret(secret, secrets);
  if (value === null || value === undefined) return undefined;
  const text = Array.isArray(value) ? encodeList(value, runner, secrets) : encodeOne(value, runner, secrets);
  return text === '' && runner === 'drone' ? undefined : text;
}

function encodeList(items: readonly unknown[], runner: Runner, secrets: PipelineSecrets): string {
  const texts = items.map(scalarText);
  const isPlain = texts.every((text) => text !== undefined);
  return isPlain ? texts.join(',') : encodeOne(items, runner, secrets);
}

function encodeOne(value: unknown, runner: Runner, secrets: PipelineSecrets): string {
  return scalarText(value) ?? json(runner === 'woodpecker' ? withSecrets(value, secrets) : value);
}

/** Woodpecker looks for `from_secret` at any depth, Drone only in the place of a whole setting. */
function withSecrets(value: unknown, secrets: PipelineSecrets): unknown {
  const secret = secretName(value);
  if (secret !== undefined) return findSecret(secret, secrets);
  if (Array.isArray(value)) return value.map((item: unknown) => withSecrets(item, secrets));
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withSecrets(inner, secrets)]));
}

function secretName(value: unknown): string | undefined {
  const name = isMap(value) ? value['from_secret'] : undefined;
  return typeof name === 'string' ? name : undefined;
}

function findSecret(name: string, secrets: PipelineSecrets): string {
  const secret = secrets[name.toLowerCase()];
  if (secret === undefined) throw new Error(`no secret ${name}`);
  return secret;
}

function scalarText(value: unknown): string | undefined {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return typeof value === 'number' ? floatText(value) : undefined;
}

/** Go's format "g" in its shortest form: an exponent from a million on, of at least two digits. */
function floatText(value: number): string {
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** Keys in order, no blanks. */
function json(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(json).join(',')}]`;
  if (typeof value === 'bigint') return String(value);
  if (!isMap(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${json(value[key])}`);
  return `{${members.join(',')}}`;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
