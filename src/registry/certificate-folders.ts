// Certificates by host in the folders that docker and its relatives look into: `<folder>/<host[:port]>/*.crt` are
// authorities, `x.cert` with `x.key` is a client certificate. They are files of the plugin's own container; the daemon has
// others. https://docs.docker.com/engine/security/certificates/
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  readAuthorities,
  readClientPair,
  type ClientPair,
  type HostTrust,
  type PemReading,
} from '../base/certificates.ts';
import { PluginError } from '../base/plugin-error.ts';

/** Where to look on this machine; the first client certificate counts. */
export function certificateFolders(home: string | undefined): readonly string[] {
  return [
    '/etc/docker/certs.d',
    '/etc/containers/certs.d',
    ...(home === undefined || home === '' ? [] : [join(home, '.config/containers/certs.d')]),
  ];
}

/**
 * What the folders hold for a host, `host[:port]` as in image names. Throws PluginError (exit 2) naming the file when one
 * cannot be used, also when a certificate or a key is alone.
 */
export function trustInFolders(folders: readonly string[], host: string): HostTrust {
  const found = folders.map((folder) => trustIn(join(folder, host)));
  const clientPair = found.find((trust) => trust.clientPair !== undefined)?.clientPair;
  return {
    authorities: found.flatMap(({ authorities }) => authorities),
    ...(clientPair === undefined ? {} : { clientPair }),
  };
}

function trustIn(folder: string): HostTrust {
  const names = namesIn(folder);
  const authorities = names
    .filter((name) => name.endsWith('.crt'))
    .map((name) => checked(folder, name, readAuthorities));
  const pairs = names
    .filter((name) => /\.(?:cert|key)$/.test(name))
    .filter((name) => !name.endsWith('.key') || !names.includes(partner(name)))
    .map((name) => readPair(folder, name, names));
  const [clientPair] = pairs;
  return { authorities, ...(clientPair === undefined ? {} : { clientPair }) };
}

function readPair(folder: string, name: string, names: readonly string[]): ClientPair {
  if (!names.includes(partner(name))) throw unusable(folder, name, `${partner(name)} is missing beside it`);
  const key = read(folder, partner(name));
  return checked(folder, name, (pem) => readClientPair(pem, key));
}

/** `x.cert` and `x.key` belong together. */
function partner(name: string): string {
  return name.endsWith('.cert') ? name.replace(/cert$/, 'key') : name.replace(/key$/, 'cert');
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    // No folder, no file of that name: the usual case. One that may not be looked into is not ours.
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR', 'EACCES'].includes(String(error.code))) {
      return [];
    }
    throw error;
  }
}

function checked<T>(folder: string, name: string, check: (pem: string) => PemReading<T>): T {
  const reading = check(read(folder, name));
  if (!reading.ok) throw unusable(folder, name, reading.wrong);
  return reading.value;
}

function read(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch (error) {
    throw unusable(folder, name, 'it cannot be read', error);
  }
}

function unusable(folder: string, name: string, wrong: string, cause?: unknown): PluginError {
  return new PluginError({
    code: 'certificate-folder',
    exitCode: 2,
    message: `${join(folder, name)} cannot be used: ${wrong}`,
    hint: 'repair or remove the file; `ca_cert` and `client_cert` do the same as settings',
    ...(cause === undefined ? {} : { cause }),
  });
}
