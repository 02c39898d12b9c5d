import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withTemporaryFolder } from '../../../src/publish/temporary-folder.ts';

let parent: string;
const warnings: string[] = [];
const log = { info: () => undefined, warn: (line: string) => void warnings.push(line), debug: () => undefined };

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'temporary-folder-test-'));
  warnings.length = 0;
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

describe('the temporary folder', () => {
  it('is readable by nobody else and gone afterwards, with what is in it', async () => {
    const mode = await withTemporaryFolder(parent, log, async (folder) => {
      writeFileSync(join(folder, 'layer'), 'x');
      return statSync(folder).mode & 0o777;
    });
    expect(mode).toBe(0o700);
    expect(readdirSync(parent)).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('is gone after a failure too', async () => {
    const failure = new Error('upload failed');
    await expect(withTemporaryFolder(parent, log, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(readdirSync(parent)).toEqual([]);
  });

  it('says which disk cannot be written', async () => {
    const missing = join(parent, 'missing');
    await expect(withTemporaryFolder(missing, log, async () => undefined)).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringContaining(missing),
    });
    expect(existsSync(missing)).toBe(false);
  });
});
