// One authority with its certificates for all tests of a file that need no server: making keys costs a second.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeEngineCertificates } from './engine-certificates.ts';

export interface TestCertificates {
  readonly ca: string;
  /** Of a client, with its key. */
  readonly cert: string;
  readonly key: string;
  /** A key that fits no certificate here but the server's. */
  readonly otherKey: string;
}

/** Makes them; PEM texts. */
export function makeCertificates(): TestCertificates {
  const folder = mkdtempSync(join(tmpdir(), 'docker-build-test-'));
  try {
    const client = makeEngineCertificates(folder);
    const read = (path: string): string => readFileSync(path, 'utf8');
    return {
      ca: read(join(folder, 'ca.pem')),
      cert: read(join(client, 'cert.pem')),
      key: read(join(client, 'key.pem')),
      otherKey: read(join(folder, 'server-key.pem')),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
