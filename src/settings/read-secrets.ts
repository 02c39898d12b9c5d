// The values of build secrets: read once at the start, from the environment, from files of the workspace or from the
// setting itself, and registered for masking. Messages name the id, never the value.
import { addProblem, addWarning, type Findings } from './findings.ts';
import { tooShortToMask, type Environment, type Redact } from './reading.ts';
import type { SecretSpec } from './secret-kinds.ts';
import type { Values } from './table.ts';
import type { WorkspaceFiles } from './workspace-files.ts';

/** BuildKit refuses larger ones. */
const maxSecretBytes = 500 * 1024;

/** What reading secrets needs. */
export interface SecretInputs {
  readonly values: Values;
  readonly environment: Environment;
  readonly files: WorkspaceFiles;
  readonly redact: Redact;
  readonly findings: Findings;
}

/** All build secrets by id. Each id may be given once, whatever the setting. */
export function readSecrets(inputs: SecretInputs): ReadonlyMap<string, Uint8Array> {
  const { values, findings, redact } = inputs;
  const secrets = new Map<string, Uint8Array>();
  for (const setting of ['secret', 'secrets_from_env', 'secrets_from_file'] as const) {
    for (const [index, spec] of (values[setting] ?? []).entries()) {
      const bytes = readSecret(setting, spec, index + 1, inputs);
      if (secrets.has(spec.id)) {
        const wrong = `item ${index + 1}: its id is given twice`;
        addProblem(findings, setting, {
          wrong,
          right: 'must have an id of its own, also among the other secret settings',
        });
      }
      if (bytes === undefined) continue;
      const isMasked = redact(Buffer.from(bytes).toString('utf8')) !== false;
      if (!isMasked && bytes.length > 0)
        addWarning(findings, setting, `item ${index + 1}: its value ${tooShortToMask}`);
      secrets.set(spec.id, bytes);
    }
  }
  return secrets;
}

function readSecret(setting: string, spec: SecretSpec, position: number, inputs: SecretInputs): Uint8Array | undefined {
  const { origin } = spec;
  switch (origin.kind) {
    case 'inline':
      return limited(setting, position, Buffer.from(origin.value, 'utf8'), inputs.findings);
    case 'environment':
      return fromVariable(setting, origin.variable, position, inputs);
    case 'file':
      return fromFile(setting, origin.path, position, inputs);
    case 'either':
      return inputs.environment[origin.name] === undefined
        ? fromFile(setting, origin.name, position, inputs)
        : fromVariable(setting, origin.name, position, inputs);
  }
}

/** A missing variable gives an empty secret: pull requests get no secrets, and an error would break their builds. */
function fromVariable(
  setting: string,
  variable: string,
  position: number,
  inputs: SecretInputs,
): Uint8Array | undefined {
  const value = inputs.environment[variable] ?? '';
  if (value === '')
    addWarning(inputs.findings, setting, `item ${position}: its variable is not set; the secret is empty`);
  return limited(setting, position, Buffer.from(value, 'utf8'), inputs.findings);
}

function fromFile(setting: string, path: string, position: number, inputs: SecretInputs): Uint8Array | undefined {
  const { files, values, findings } = inputs;
  const file = files.readSmallFile(path, { followOutsideLinks: values.follow_outside_links, maxBytes: maxSecretBytes });
  if (file.ok) return file.bytes;
  // `secret` shows nothing of its text, not even a path: what was meant as a path may be the value.
  const wrong = setting === 'secret' ? 'its file cannot be read, or may not' : file.wrong;
  addProblem(findings, setting, {
    wrong: `item ${position}: ${wrong}`,
    right: 'must name a regular file of at most 500 KiB',
  });
  return undefined;
}

function limited(setting: string, position: number, bytes: Uint8Array, findings: Findings): Uint8Array | undefined {
  if (bytes.length <= maxSecretBytes) return bytes;
  addProblem(findings, setting, {
    wrong: `item ${position}: it has more than 500 KiB`,
    right: 'must be shorter: BuildKit takes no more',
  });
  return undefined;
}
