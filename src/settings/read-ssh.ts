// What build steps may sign with: the key of ssh_agent_key, key files and agents of `ssh`. Keys are read once, here, and
// registered for masking; an agent is only looked for, since it may do without us for the rest of the run.
import { resolve } from 'node:path';
import { addProblem } from './findings.ts';
import type { SecretInputs } from './read-secrets.ts';
import { quote, type Reading } from './reading.ts';
import { sshPrivateKey } from './secret-kinds.ts';
import type { SshOffer } from './settings.ts';
import type { SshSpec } from './ssh-kinds.ts';

/** Keys have a few KiB. */
const maxKeyBytes = 64 * 1024;

const agentVariable = 'SSH_AUTH_SOCK';

/** All ids with what belongs to them. Each id may be given once, also by ssh_agent_key, whose id is `default`. */
export function readSsh(inputs: SecretInputs): readonly SshOffer[] {
  const { values, findings } = inputs;
  const key = values.ssh_agent_key;
  const specs = values.ssh ?? [];
  if (key !== undefined && specs.some(({ id }) => id === 'default')) {
    addProblem(findings, 'ssh', {
      wrong: 'it has the id "default", which is that of ssh_agent_key',
      right: 'must have another id, or ssh_agent_key must be left out',
    });
  }
  const own: readonly SshOffer[] = key === undefined ? [] : [{ id: 'default', keys: [key] }];
  return [...own, ...specs.flatMap((spec) => readSpec(spec, inputs))];
}

function readSpec({ id, paths }: SshSpec, inputs: SecretInputs): readonly SshOffer[] {
  const [first] = paths;
  if (first === undefined) return agentOfStep(id, inputs);
  if (paths.length === 1 && isSocket(first, inputs)) {
    return [{ id, agentSocket: resolve(inputs.files.workspace, first) }];
  }
  return [{ id, keys: paths.flatMap((path) => readKey(path, inputs)) }];
}

function agentOfStep(id: string, inputs: SecretInputs): readonly SshOffer[] {
  const path = inputs.environment[agentVariable] ?? '';
  if (path !== '' && isSocket(path, inputs)) return [{ id, agentSocket: resolve(inputs.files.workspace, path) }];
  addProblem(inputs.findings, 'ssh', {
    wrong:
      path === ''
        ? `${quote(id)} has no path, and ${agentVariable} is not set`
        : `${agentVariable} leads to no socket of an agent`,
    right: `must be written id=path, or the step must have an agent at ${agentVariable}`,
  });
  return [];
}

function isSocket(path: string, { files, values }: SecretInputs): boolean {
  const found = files.find(path, { followOutsideLinks: values.follow_outside_links });
  return found.kind === 'other' && found.what === 'a socket';
}

function readKey(path: string, { files, values, redact, environment, findings }: SecretInputs): readonly string[] {
  const rules = { followOutsideLinks: values.follow_outside_links, maxBytes: maxKeyBytes };
  const file = files.readSmallFile(path, rules);
  const reading: Reading<string> = file.ok
    ? sshPrivateKey.read(Buffer.from(file.bytes).toString('utf8'), { from: path, secret: true, environment, redact })
    : { ok: false, problems: [{ wrong: file.wrong, right: keyRule }], warnings: [] };
  if (reading.ok) return [reading.value];
  for (const { wrong, right } of reading.problems) {
    addProblem(findings, 'ssh', { wrong: file.ok ? `${quote(path)}: ${wrong}` : wrong, right });
  }
  return [];
}

const keyRule = 'must name the file of a private key, or the socket of an agent';
