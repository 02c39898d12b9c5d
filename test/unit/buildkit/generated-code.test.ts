// The generated code is committed; this is what keeps it equal to the .proto files. Works without a network.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');
const committed = join(root, 'src', 'buildkit', 'gen');

function readFolder(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe('the code in src/buildkit/gen', () => {
  it('is what "npm run generate" makes of the .proto files', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const [program, ...args] = String(scripts.generate).replace(/ \.$/, '').split(' ');
    const output = mkdtempSync(join(tmpdir(), 'docker-build-generate-'));
    try {
      const bin = join(root, 'node_modules', '.bin');
      execFileSync(join(bin, program ?? ''), [...args, output], {
        cwd: root,
        env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
        stdio: 'pipe',
      });
      const generated = readFolder(join(output, 'src', 'buildkit', 'gen'));
      expect(Object.keys(generated).length).toBeGreaterThan(10);
      expect(readFolder(committed)).toEqual(generated);
    } finally {
      rmSync(output, { recursive: true });
    }
  });
});
