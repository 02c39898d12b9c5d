// A registry client for tests: short time limits, no waiting between tries, a log that can be read.
import { Readable } from 'node:stream';
import type { Credentials, CredentialSource } from '../../src/base/credentials.ts';
import { sha256 } from '../../src/base/digest.ts';
import { parseRepository } from '../../src/base/reference.ts';
import { RegistryClient, type RegistryOptions } from '../../src/registry/registry-client.ts';
import type { Repository } from '../../src/registry/repository.ts';

export interface TestClient {
  readonly client: RegistryClient;
  /** Lines of the log, with their level: `info: ...`. */
  readonly lines: readonly string[];
  /** Milliseconds of each wait between tries. */
  readonly waits: readonly number[];
  readonly secrets: readonly string[];
  target(name: string): Repository;
  source(name: string): Repository;
}

/** A blob as repositories take it. */
export function blobOf(bytes: Buffer) {
  return { digest: sha256(bytes), sizeBytes: bytes.length, open: () => Readable.from([bytes], { objectMode: false }) };
}

/** The same login for every host. */
export function loginOf(credentials: Credentials | undefined): CredentialSource {
  return { searched: 'the test', find: async () => credentials };
}

/** A password login, as it comes from the settings. */
export function passwordOf(username: string, password: string): CredentialSource {
  return loginOf({ kind: 'basic', username, password, source: 'settings username/password' });
}

/** Close its `client` at the end. */
export function makeClient(options: Partial<RegistryOptions> = {}): TestClient {
  const lines: string[] = [];
  const waits: number[] = [];
  const secrets: string[] = [];
  const note = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const client = new RegistryClient({
    credentials: loginOf(undefined),
    insecureHosts: new Set(),
    caCertificates: [],
    userAgent: 'docker-build/test',
    log: { info: note('info'), warn: note('warn'), debug: note('debug') },
    redact: (secret) => void secrets.push(secret),
    clock: {
      nowMs: () => performance.now() + waits.reduce((sum, wait) => sum + wait, 0),
      sleep: async (milliseconds, signal) => {
        signal.throwIfAborted();
        waits.push(milliseconds);
      },
      random: () => 0.5,
    },
    ...options,
  });
  return {
    client,
    lines,
    waits,
    secrets,
    target: (name) => client.repository(parseRepository(name), 'push'),
    source: (name) => client.repository(parseRepository(name), 'pull'),
  };
}
