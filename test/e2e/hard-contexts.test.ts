// Contexts that have broken clients before: thousands of ignore patterns, names in UTF-8, hard links, and a big Dockerfile that
// fails (the daemon then sends all of it back in one header).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { startRegistryWithBase } from '../support/base-image.ts';
import { contrastingEngineKinds } from '../support/engines.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { unpackImage } from '../support/skopeo.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
});

afterAll(async () => {
  await registry.stop();
});

describe.each(contrastingEngineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);
  let number = 0;

  /** Builds a workspace, publishes it and returns the root of what skopeo pulls. */
  async function publish(files: Parameters<typeof makeWorkspace>[0]): Promise<string> {
    number += 1;
    const repo = `${registry.host}/${kind}/context-${number}`;
    const step = await runPlugin({ cwd: makeWorkspace(files), host: engine.host, settings: { repo, tags: '1' } });
    expectExit(step, 0);
    return await unpackImage({ reference: `${repo}:1` }, makeTemporaryFolder());
  }

  it('respects a .dockerignore of 2,000 patterns', async () => {
    const names = Array.from({ length: 2000 }, (_, index) => `ignored/some/rather/long/path/number-${index}.txt`);
    const sample = names.filter((_, index) => index % 100 === 0);
    const root = await publish({
      Dockerfile: `FROM ${base}\nCOPY . /context/\nRUN find /context -type f | sort >/listing\n`,
      '.dockerignore': `${names.join('\n')}\nDockerfile\n.dockerignore\n`,
      ...Object.fromEntries(sample.map((name) => [name, 'must not be sent\n'])),
      'ignored/some/rather/long/path/number-2000.txt': 'is sent\n',
    });
    expect(readFileSync(join(root, 'listing'), 'utf8')).toBe(
      '/context/ignored/some/rather/long/path/number-2000.txt\n',
    );
  });

  it('sends files whose names are not ASCII, and finds them by name', async () => {
    const names = ['é a.txt', '日本語.txt', 'naïve/ünï.txt', '😀.txt', 'ﬀ.txt'];
    const root = await publish({
      Dockerfile: `FROM scratch\nCOPY ["é a.txt", "/by-name.txt"]\nCOPY . /all/\n`,
      '.dockerignore': 'ignoré*\nDockerfile\n.dockerignore\n',
      'ignoré.txt': 'must not be sent\n',
      ...Object.fromEntries(names.map((name) => [name, `I am ${name}\n`])),
    });
    expect(readFileSync(join(root, 'by-name.txt'), 'utf8')).toBe('I am é a.txt\n');
    for (const name of names) expect(readFileSync(join(root, 'all', name), 'utf8')).toBe(`I am ${name}\n`);
    expect(() => statSync(join(root, 'all', 'ignoré.txt'))).toThrow('ENOENT');
  });

  it('sends hard links, symbolic links and file modes as they are', async () => {
    const root = await publish({
      Dockerfile: `FROM ${base}\nCOPY . /context/\nRUN stat -c '%n %a %s' /context/* >/stats\n`,
      '.dockerignore': 'Dockerfile\n.dockerignore\n',
      'a-first.txt': 'the same bytes\n',
      'b-second.txt': { hardlink: 'a-first.txt' },
      'c-link.txt': { symlink: 'a-first.txt' },
      'd-script.sh': { text: '#!/bin/sh\n', mode: 0o755 },
    });
    for (const name of ['a-first.txt', 'b-second.txt', 'c-link.txt']) {
      expect(readFileSync(join(root, 'context', name), 'utf8')).toBe('the same bytes\n');
    }
    const stats = readFileSync(join(root, 'stats'), 'utf8').trim().split('\n');
    expect(stats).toContain('/context/b-second.txt 644 15');
    expect(stats).toContain('/context/c-link.txt 777 11');
    expect(stats).toContain('/context/d-script.sh 755 10');
  });

  it('reports the failure of a 60 kB Dockerfile instead of waiting for ever', async () => {
    // The daemon sends the file back in a header, which is compressed: so nothing that compresses well.
    const noise = Array.from(
      { length: 1_000 },
      (_, line) => `# ${createHash('sha256').update(String(line)).digest('hex')}`,
    );
    const Dockerfile = `FROM ${base}\n${noise.join('\n')}\nRUN echo in a big file; exit 9\n`;
    expect(Dockerfile.length).toBeGreaterThan(60_000);
    const settings = { repo: `${registry.host}/${kind}/big`, tags: '1' };
    const step = await runPlugin({ cwd: makeWorkspace({ Dockerfile }), host: engine.host, settings });
    expectExit(step, 1);
    expect(step.output).toContain('in a big file');
    expect(step.ms).toBeLessThan(20_000);
  });
});
