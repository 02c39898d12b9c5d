// Certificates that settings name: the authorities of ca_cert and the client certificates of client_cert, read from their
// files. What lies round on the machine (SSL_CERT_FILE, HARNESS_CA_PATH) can only cause a warning, a broken setting is an error.
import { readAuthorities, readClientPair, type ClientPair } from '../base/certificates.ts';
import type { HostFile } from './certificate-kinds.ts';
import { addProblem, addWarning, type Findings } from './findings.ts';
import type { Given } from './given.ts';
import type { Environment, Redact } from './reading.ts';
import type { Values } from './table.ts';
import type { WorkspaceFiles } from './workspace-files.ts';

/** Bundles of all authorities are 250 KiB; a larger file is something else. */
const maxFileBytes = 1024 * 1024;

/** Certificates by setting. */
export interface TrustSettings {
  /** PEM texts; without host they are for all. */
  readonly authorities: readonly { readonly host?: string; readonly pem: string }[];
  /** Without host: for the registries of the image. */
  readonly clientPairs: readonly { readonly host?: string; readonly pair: ClientPair }[];
}

/** What reading certificates needs. */
export interface TrustInputs {
  readonly values: Values;
  readonly given: ReadonlyMap<string, Given>;
  readonly environment: Environment;
  readonly files: WorkspaceFiles;
  readonly redact: Redact;
  readonly findings: Findings;
}

/** Opens what the settings name. */
export function readTrust(inputs: TrustInputs): TrustSettings {
  return {
    authorities: [...authoritiesOfSetting(inputs), ...authoritiesOfMachine(inputs)],
    clientPairs: clientPairs(inputs),
  };
}

function authoritiesOfSetting({ values, given, files, findings }: TrustInputs): TrustSettings['authorities'] {
  const source = values.ca_cert;
  if (source === undefined) return [];
  if (source.kind === 'pem') return [{ pem: source.pem }];
  // Harness sets its variable everywhere, whether the file is there or not.
  const isOfMachine = given.get('ca_cert')?.from === 'HARNESS_CA_PATH';
  return source.files.flatMap((file) => {
    const reading = readPem(file.path, files, readAuthorities);
    if (reading.ok) return [{ ...hostOf(file), pem: reading.value }];
    if (isOfMachine) addWarning(findings, 'ca_cert', `(HARNESS_CA_PATH) ${reading.wrong}; not used`);
    else addProblem(findings, 'ca_cert', { wrong: reading.wrong, right: 'must be PEM text or paths of PEM files' });
    return [];
  });
}

/** OpenSSL's variable, which Go programs know as well, and Node's own. Here they only add to the roots. */
function authoritiesOfMachine({ environment, files, findings }: TrustInputs): TrustSettings['authorities'] {
  const seen = new Set<string>();
  return ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'].flatMap((name) => {
    const path = environment[name] ?? '';
    // Usually both name the bundle of the system, whose hundred certificates take a while to read.
    if (path === '' || seen.has(path)) return [];
    seen.add(path);
    const reading = readPem(path, files, readAuthorities);
    if (!reading.ok) findings.warnings.push(`${name} is not used: ${reading.wrong}`);
    return reading.ok ? [{ pem: reading.value }] : [];
  });
}

function clientPairs({ values, files, redact, findings }: TrustInputs): TrustSettings['clientPairs'] {
  const source = values.client_cert;
  if (source === undefined) return [];
  if (source.kind === 'pem') return [{ pair: source.pair }];
  return source.files.flatMap(({ host, cert, key }, index) => {
    const [certText, keyText] = [readSecretText(cert, files), readSecretText(key, files)];
    if (keyText.ok) redact(keyText.value);
    const pair = !keyText.ok ? keyText : certText.ok ? readClientPair(certText.value, keyText.value) : certText;
    if (pair.ok) return [{ ...(host === undefined ? {} : { host }), pair: pair.value }];
    // What is no path may be the secret itself.
    if (!certText.ok) redact(cert);
    if (!keyText.ok) redact(key);
    const whose = !keyText.ok ? 'the key: ' : certText.ok ? '' : 'the certificate: ';
    const which = source.files.length === 1 ? '' : `item ${index + 1}: `;
    addProblem(findings, 'client_cert', {
      wrong: `${which}${whose}${pair.wrong}`,
      right: 'must be PEM text of a certificate and its key, or host=certificate,key with paths',
    });
    return [];
  });
}

/** Here no message shows a path. */
function readSecretText(path: string, files: WorkspaceFiles): Checked<string> {
  const file = files.readSmallFile(path, { followOutsideLinks: false, maxBytes: maxFileBytes });
  if (file.ok) return { ok: true, value: Buffer.from(file.bytes).toString('utf8') };
  return { ok: false, wrong: file.missing ? 'its file does not exist' : 'its file cannot be read' };
}

type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly wrong: string };

function readPem<T>(path: string, files: WorkspaceFiles, check: (pem: string) => Checked<T>): Checked<T> {
  const file = files.readSmallFile(path, { followOutsideLinks: false, maxBytes: maxFileBytes });
  if (!file.ok) return { ok: false, wrong: file.wrong };
  const checked = check(Buffer.from(file.bytes).toString('utf8'));
  return checked.ok ? checked : { ok: false, wrong: `${JSON.stringify(path)}: ${checked.wrong}` };
}

function hostOf({ host }: HostFile): { readonly host?: string } {
  return host === undefined ? {} : { host };
}
