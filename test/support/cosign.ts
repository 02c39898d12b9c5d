// Debian 13's cosign as the independent witness: it shares no code with the plugin, so what it verifies is what others verify.
// scripts/fetch-cosign.js puts it into .cache/.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeTemporaryFolder } from './workspace.ts';

const execute = promisify(execFile);
const program = join(import.meta.dirname, '..', '..', '.cache', 'cosign', 'usr', 'bin', 'cosign');
const onLoopback = ['--allow-http-registry'];

/** A pair of keys in files; both as text too. */
export interface CosignKeys {
  readonly privateFile: string;
  readonly privateText: string;
  readonly publicFile: string;
  readonly password: string;
}

async function cosign(args: readonly string[], password: string, cwd: string): Promise<string> {
  if (!existsSync(program)) throw new Error(`no ${program}: run node scripts/fetch-cosign.js`);
  // A home of its own: nothing that lies around on the machine decides anything.
  const env = { PATH: '/usr/bin:/bin', HOME: cwd, COSIGN_PASSWORD: password };
  const { stdout } = await execute(program, [...args], { cwd, env, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

/** `cosign generate-key-pair`, in a folder that lives until the end of the running test. */
export async function generateKeys(password: string): Promise<CosignKeys> {
  const folder = makeTemporaryFolder();
  await cosign(['generate-key-pair'], password, folder);
  const privateFile = join(folder, 'cosign.key');
  const privateText = readFileSync(privateFile, 'utf8');
  return { privateFile, privateText, publicFile: join(folder, 'cosign.pub'), password };
}

/** `cosign sign`, without a transparency log. */
export async function cosignSign(
  reference: string,
  { privateFile, password }: CosignKeys,
  flags: readonly string[] = [],
): Promise<void> {
  const sign = ['sign', '--key', privateFile, '--tlog-upload=false', '--yes', ...onLoopback, ...flags, reference];
  await cosign(sign, password, makeTemporaryFolder());
}

/** A document that was signed, as cosign shows it after it has verified the signature. */
export interface VerifiedClaim {
  readonly critical: {
    readonly identity: { readonly 'docker-reference': string };
    readonly image: { readonly 'docker-manifest-digest': string };
  };
  readonly optional: Readonly<Record<string, string>> | null;
}

/** `cosign verify` with a public key. Throws when no signature of that key (and with these annotations) is there. */
export async function cosignVerify(
  reference: string,
  publicFile: string,
  annotations: readonly string[] = [],
): Promise<readonly VerifiedClaim[]> {
  const flags = [...onLoopback, ...annotations.flatMap((pair) => ['-a', pair])];
  const verify = [
    'verify',
    '--key',
    publicFile,
    '--insecure-ignore-tlog=true',
    '--output',
    'json',
    ...flags,
    reference,
  ];
  return JSON.parse(await cosign(verify, '', makeTemporaryFolder())) as VerifiedClaim[];
}
