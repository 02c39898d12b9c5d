// How an output gets into place: whole or not at all, through no link, and with what is there.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isPartialName } from '../../../src/base/partial-name.ts';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { DiskTree } from '../../../src/buildkit/fsutil/disk-tree.ts';
import { checkOutputs } from '../../../src/output/check-outputs.ts';
import type { OutputOrder } from '../../../src/output/output.ts';
import { OutputConflict, wordOutputFailure } from '../../../src/output/output-failure.ts';
import { type Destination, PartialOutput } from '../../../src/output/partial-output.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'output-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (path: string): string => join(folder, path);
const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
const destination = (path: string, existing: Destination['existing'], base = folder): Destination => ({
  path: at(path),
  existing,
  base,
});

describe('a file', () => {
  it('is not there before it is complete, and then replaces what was', async () => {
    write(at('image.tar'), 'old');
    const partial = new PartialOutput(destination('image.tar', 'file'), 'ab');
    writeFileSync(partial.path, 'new');
    expect(readFileSync(at('image.tar'), 'utf8')).toBe('old');
    await partial.commitFile();
    expect(readFileSync(at('image.tar'), 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['image.tar']);
  });

  it('gets the folders above it only when it is complete', async () => {
    const partial = new PartialOutput(destination('a/b/image.tar', 'nothing'), 'ab');
    writeFileSync(partial.path, 'new');
    expect(existsSync(at('a'))).toBe(false);
    await partial.commitFile();
    expect(readFileSync(at('a/b/image.tar'), 'utf8')).toBe('new');
  });

  it('goes through no link that was put there meanwhile', async () => {
    mkdirSync(at('outside'));
    mkdirSync(at('workspace'));
    const partial = new PartialOutput(destination('workspace/a/x', 'nothing', at('workspace')), 'ab');
    writeFileSync(partial.path, 'new');
    symlinkSync(at('outside'), at('workspace/a'));
    await expect(partial.commitFile()).rejects.toThrow(/EEXIST/);
    await partial.discard();
    expect(readdirSync(at('outside'))).toEqual([]);
    expect(readdirSync(at('workspace'))).toEqual(['a']);
  });

  it('is no part of a build context on its way', () => {
    const partial = new PartialOutput(destination('image.tar', 'nothing'), 'ab');
    writeFileSync(partial.path, 'half');
    write(at('source'), '');
    expect(isPartialName(readdirSync(folder)[0] ?? '')).toBe(true);
    const opened = new DiskTree(folder).openFolder('');
    expect(opened?.names).toEqual(['source']);
    opened?.close();
  });
});

describe('a folder', () => {
  it('comes into place as a whole, with the last touch on its folders', async () => {
    const partial = new PartialOutput(destination('new/out', 'nothing'), 'ab');
    await partial.makeFolder();
    write(join(partial.path, 'closed/file'), 'x');
    await partial.commitFolder([{ path: 'closed', mode: 0o500, modifiedMs: -1000 }]);
    expect(statSync(at('new/out')).mode & 0o777).toBe(0o755);
    expect(statSync(at('new/out/closed')).mode & 0o777).toBe(0o500);
    expect(statSync(at('new/out/closed')).mtimeMs).toBe(-1000);
    chmodSync(at('new/out/closed'), 0o700);
  });

  it('is merged into one that exists: files replaced, links replaced and not followed, the rest as it was', async () => {
    write(at('out/kept'), 'old');
    write(at('out/sub/kept'), 'old');
    write(at('out/sub/file'), 'old');
    mkdirSync(at('elsewhere'));
    symlinkSync(at('elsewhere'), at('out/link'));
    symlinkSync(at('elsewhere/target'), at('out/file-link'));
    const partial = new PartialOutput(destination('out', 'folder', at('out')), 'ab');
    await partial.makeFolder();
    for (const path of ['sub/file', 'link/inside', 'file-link', 'new/deep']) write(join(partial.path, path), 'new');
    await partial.commitFolder([]);
    for (const path of ['sub/file', 'link/inside', 'file-link', 'new/deep']) {
      expect(readFileSync(at(`out/${path}`), 'utf8')).toBe('new');
    }
    expect(lstatSync(at('out/file-link')).isFile()).toBe(true);
    for (const path of ['kept', 'sub/kept']) expect(readFileSync(at(`out/${path}`), 'utf8')).toBe('old');
    expect(readdirSync(at('elsewhere'))).toEqual([]);
    expect(readdirSync(at('out')).sort()).toEqual(['file-link', 'kept', 'link', 'new', 'sub']);
  });

  it('changes nothing when something of it does not fit', async () => {
    write(at('out/a'), 'old');
    write(at('out/z/file'), 'old');
    const partial = new PartialOutput(destination('out', 'folder', at('out')), 'ab');
    await partial.makeFolder();
    write(join(partial.path, 'a'), 'new');
    write(join(partial.path, 'z'), 'new');
    await expect(partial.commitFolder([])).rejects.toThrow(
      new OutputConflict('"z" is a folder there, and no folder in the build result'),
    );
    expect(readFileSync(at('out/a'), 'utf8')).toBe('old');
    await partial.discard();
    expect(readdirSync(at('out')).sort()).toEqual(['a', 'z']);
  });
});

describe('an output that cannot be written', () => {
  const output = { display: 'out', setting: 'outputs' };
  const ofDisk = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'write' });

  it.each([
    [ofDisk('ENOSPC'), 'cannot write out: no space is left on that disk', /larger volume/],
    [ofDisk('EROFS'), 'cannot write out: the disk is read-only', /let outputs name another place/],
    [ofDisk('EODD'), 'cannot write out: EODD', /another place/],
    [new OutputConflict('"a" is a folder there'), 'cannot write out: "a" is a folder there', /another place/],
  ])('is a failed build, in words', (error, message, hint) => {
    const worded = wordOutputFailure(output, error);
    expect(worded).toMatchObject({ exitCode: 1, code: 'output-failed', message, hint: expect.stringMatching(hint) });
  });

  it('is left as it is when something else is wrong', () => {
    for (const error of [new PluginError({ code: 'x', exitCode: 7, message: 'x' }), new TypeError('bug'), 'text']) {
      expect(wordOutputFailure(output, error)).toBe(error);
    }
  });
});

describe('what a daemon cannot write', () => {
  const order = (type: OutputOrder['type'], attrs: OutputOrder['attrs'] = {}): OutputOrder => ({
    type,
    attrs,
    layout: 'file',
    place: destination('x', 'nothing'),
    display: 'x',
    setting: 'outputs',
    names: [],
  });
  const plain = { attestations: [] };

  it('is refused before any work', () => {
    const [graphdriver, containerd] = [{ imageStore: 'graphdriver' }, { imageStore: 'containerd' }] as const;
    expect(() => checkOutputs([order('oci', { compression: 'zstd' })], plain, graphdriver)).toThrow(
      /outputs: x: compression has no effect/,
    );
    expect(() => checkOutputs([order('docker')], { attestations: [1] }, containerd)).toThrow(/holds no attestations/);
    expect(() =>
      checkOutputs([order('local', { 'platform-split': 'true' }), order('oci')], plain, graphdriver),
    ).not.toThrow();
    expect(() =>
      checkOutputs([order('oci', { compression: 'zstd' })], { attestations: [1] }, containerd),
    ).not.toThrow();
  });
});
