// The TLS side of a tcp daemon: the three files of DOCKER_CERT_PATH, or the same as texts. The host that is checked is
// always the real one; a daemon whose certificate names something else is refused while verification is on.
// https://docs.docker.com/engine/security/protect-access/
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from './error-code.ts';
import { PluginError } from '../base/plugin-error.ts';

/** PEM texts for the connection, and whether the daemon's certificate is checked. */
export interface EngineTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly verify: boolean;
}

export interface TlsSources {
  /** A folder with ca.pem, cert.pem and key.pem; each may be absent, but not all. */
  readonly certPath?: string | undefined;
  /** PEM texts; they win over the files. */
  readonly texts?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  readonly verify: boolean;
}

/** Collects what the connection needs. Throws PluginError exit 5 when a file is missing that was promised. */
export async function readEngineTls(sources: TlsSources): Promise<EngineTls> {
  const { certPath } = sources;
  const files = certPath === undefined ? {} : await readFolder(certPath);
  const tls = { ...files, ...sources.texts, verify: sources.verify };
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw certificateProblem(
      `a client certificate needs both cert.pem and key.pem, and only ${tls.cert === undefined ? 'key.pem' : 'cert.pem'} is there`,
      certPath,
    );
  }
  return tls;
}

async function readFolder(folder: string): Promise<{ ca?: string; cert?: string; key?: string }> {
  const [ca, cert, key] = await Promise.all(['ca.pem', 'cert.pem', 'key.pem'].map((name) => readPem(folder, name)));
  if (ca === undefined && cert === undefined && key === undefined) {
    throw certificateProblem(`${folder} holds none of ca.pem, cert.pem, key.pem`, folder);
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

async function readPem(folder: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw certificateProblem(
      `cannot read ${join(folder, name)}: ${errorCode(error) ?? 'unknown error'}`,
      folder,
      error,
    );
  }
}

function certificateProblem(message: string, certPath: string | undefined, cause?: unknown): PluginError {
  return new PluginError({
    code: 'daemon-certificates',
    exitCode: 5,
    message: `TLS to the daemon: ${message}`,
    hint:
      certPath === undefined
        ? 'give the certificate together with its key'
        : 'DOCKER_CERT_PATH names a folder inside the step: mount it with a runner volume',
    cause,
  });
}
