// The signing key: its text from the setting or from a file of the workspace, judged by its shape. Whether the password
// opens it takes a while to find out and is asked later, still before the build. Messages show nothing of the key.
import { addProblem, type Findings } from './findings.ts';
import type { Redact } from './reading.ts';
import { repairLines } from './secret-kinds.ts';
import type { SigningSettings } from './settings.ts';
import { noSigningOptions, signingKeyRule } from './signing-kinds.ts';
import type { Values } from './table.ts';
import type { WorkspaceFiles } from './workspace-files.ts';

/** A key of 16384 bits has 13 KiB. */
const maxKeyFileBytes = 64 * 1024;

/** What reading the key needs. */
export interface SigningInputs {
  readonly values: Values;
  readonly files: WorkspaceFiles;
  readonly redact: Redact;
  readonly findings: Findings;
}

/** undefined without a key, and when it is no good: then the findings say so. */
export function readSigning(inputs: SigningInputs): SigningSettings | undefined {
  const { values, findings } = inputs;
  const text = readKeyText(inputs);
  if (text === undefined) return undefined;
  const shape = shapeOf(text);
  if ('wrong' in shape) {
    addProblem(findings, 'cosign_private_key', { wrong: shape.wrong, right: signingKeyRule });
    return undefined;
  }
  if (shape.needsPassword && values.cosign_password === undefined) {
    addProblem(findings, 'cosign_password', {
      wrong: 'it is missing, while cosign_private_key is encrypted',
      right: 'must be the password of the key',
    });
  }
  const { annotations, recursive } = values.cosign_params ?? noSigningOptions;
  return {
    key: { pem: shape.pem, password: values.cosign_password },
    annotations,
    recursive,
    required: values.cosign_required,
  };
}

function readKeyText({ values, files, redact, findings }: SigningInputs): string | undefined {
  const source = values.cosign_private_key;
  if (source === undefined) return undefined;
  if (source.kind === 'pem') return source.pem;
  const rules = { followOutsideLinks: values.follow_outside_links, maxBytes: maxKeyFileBytes };
  const file = files.readSmallFile(source.path, rules);
  if (!file.ok) {
    // What is no path may be the key itself, in some other form.
    redact(source.path);
    const wrong = file.missing
      ? 'it is no PEM text, and there is no file of that name'
      : 'its file cannot be read, or may not';
    addProblem(findings, 'cosign_private_key', { wrong, right: signingKeyRule });
    return undefined;
  }
  const text = repairLines(Buffer.from(file.bytes).toString('utf8'));
  redact(text);
  return text;
}

type Shape = { readonly pem: string; readonly needsPassword: boolean } | { readonly wrong: string };

const usableLabels = new Set([
  'PRIVATE KEY',
  'ENCRYPTED PRIVATE KEY',
  'RSA PRIVATE KEY',
  'EC PRIVATE KEY',
  'ENCRYPTED SIGSTORE PRIVATE KEY',
  'ENCRYPTED COSIGN PRIVATE KEY',
]);

/** Finds the private key among the PEM blocks of a text (parameters of a curve or a certificate may stand beside it). */
function shapeOf(text: string): Shape {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----\n([^]+?)-----END \1-----/g)];
  const [block, label = ''] = blocks.find(([, name]) => name?.endsWith('PRIVATE KEY')) ?? [];
  if (block === undefined) return { wrong: wrongOf(text, blocks.length) };
  if (label === 'OPENSSH PRIVATE KEY') return { wrong: 'it is a key of OpenSSH' };
  if (!usableLabels.has(label)) return { wrong: 'it is of a kind that cannot sign images' };
  // cosign's own keys may have an empty password.
  return {
    pem: `${block}\n`,
    needsPassword: label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type:.*ENCRYPTED/m.test(block),
  };
}

function wrongOf(text: string, blocks: number): string {
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)) return 'it is cut off or damaged';
  if (/-----BEGIN [A-Z0-9 ]*PUBLIC KEY-----/.test(text)) return 'it is a public key';
  return blocks > 0 ? 'it holds no private key' : 'it holds no PEM text';
}
