import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, textOf } from '../../../../src/buildkit/fsutil/byte-text.ts';
import { DiskTree } from '../../../../src/buildkit/fsutil/disk-tree.ts';
import type { FileTree } from '../../../../src/buildkit/fsutil/file-tree.ts';
import { PathFilter } from '../../../../src/buildkit/fsutil/filter.ts';
import { MemoryTree } from '../../../../src/buildkit/fsutil/memory-tree.ts';
import type { FileEntry } from '../../../../src/buildkit/fsutil/packets.ts';
import { walk } from '../../../../src/buildkit/fsutil/walk.ts';
import { ReferenceMatcher } from './reference-matcher.ts';

interface Filter {
  readonly includes?: readonly string[];
  readonly excludes?: readonly string[];
}

async function entriesOf(tree: FileTree, filter: Filter = {}): Promise<readonly FileEntry[]> {
  const entries: FileEntry[] = [];
  for await (const batch of walk(tree, new PathFilter(filter), new AbortController().signal)) entries.push(...batch);
  return entries;
}

async function pathsOf(tree: FileTree, filter: Filter = {}): Promise<readonly string[]> {
  return (await entriesOf(tree, filter)).map(({ path }) => textOf(path));
}

function memoryTree(paths: readonly string[]): MemoryTree {
  return new MemoryTree(new Map(paths.map((path) => [path, new Uint8Array()])));
}

describe('a walk', () => {
  it('sends a folder right before its content and names in the order of their UTF-8 bytes', async () => {
    // U+FF5E comes after U+1F600 in UTF-16, before it in UTF-8; "a.txt" would come before "a/x" as a whole path.
    const paths = ['a/x', 'a.txt', 'a-b', 'B', '\u{1f600}', '\uff5e', 'é', 'z', 'a/x.y/1', 'a/x-y'];
    expect(await pathsOf(memoryTree(paths))).toEqual([
      'B',
      'a',
      'a/x',
      'a/x-y',
      'a/x.y',
      'a/x.y/1',
      'a-b',
      'a.txt',
      'z',
      'é',
      '\uff5e',
      '\u{1f600}',
    ]);
  });

  it('sends the folders above what passes, though they are filtered out themselves', async () => {
    const tree = memoryTree(['a/b/keep', 'a/b/c/drop', 'a/drop', 'd/e/drop', 'f']);
    expect(await pathsOf(tree, { excludes: ['**', '!**/keep'] })).toEqual(['a', 'a/b', 'a/b/keep']);
    expect(await pathsOf(tree, { includes: ['a/b/c'] })).toEqual(['a', 'a/b', 'a/b/c', 'a/b/c/drop']);
    expect(await pathsOf(tree, { includes: ['a/*/**'] })).toEqual(['a', 'a/b', 'a/b/c', 'a/b/c/drop', 'a/b/keep']);
  });

  it('gives every entry that a walk without any short cut gives, and no other', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'ab', 'a.b');
    const part = fc.oneof(name, name, fc.constantFrom('*', '**', '?', 'a*', '[ab]', '\\a', '*b', 'a**'));
    const pattern = fc
      .tuple(fc.boolean(), fc.array(part, { minLength: 1, maxLength: 4 }))
      .map(([isException, parts]) => `${isException ? '!' : ''}${parts.join('/')}`);
    const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join('/'));
    const patterns = fc.array(pattern, { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(path, { maxLength: 15 }), patterns, patterns, async (paths, includes, excludes) => {
        // A path cannot be both a file and a folder.
        const files = paths.filter((file) => !paths.some((other) => other.startsWith(`${file}/`)));
        expect(await pathsOf(memoryTree(files), { includes, excludes })).toEqual(plainWalk(files, includes, excludes));
      }),
      { numRuns: 2000 },
    );
  });

  it('does not even ask for what is certainly left out', async () => {
    const tree = memoryTree(['node_modules/a/b', 'src/a', 'src/node_modules/b']);
    const opened: string[] = [];
    const watched: FileTree = {
      openFolder: (path) => {
        opened.push(path);
        return tree.openFolder(path);
      },
      openFile: (path) => tree.openFile(path),
    };
    expect(await pathsOf(watched, { excludes: ['**/node_modules', '!src/x'] })).toEqual(['src', 'src/a']);
    expect(await pathsOf(watched, { includes: ['src/a'] })).toEqual(['src', 'src/a']);
    expect(opened).toEqual(['', 'src', '', 'src']);
  });

  it('lets other work in while it goes through a large tree', async () => {
    const tree = memoryTree(Array.from({ length: 20_000 }, (_, at) => `d${at % 50}/f${at}`));
    let longestMs = 0;
    let lastMs = performance.now();
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 1);
    await entriesOf(tree, { excludes: ['**', '!**/f1*7'] });
    clearInterval(timer);
    // Far above what is aimed at, far below what a health check allows: a walk in one go takes longer.
    expect(longestMs).toBeLessThan(500);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const tree = memoryTree(Array.from({ length: 1000 }, (_, at) => `f${at}`));
    const consume = async (): Promise<void> => {
      for await (const batch of walk(tree, new PathFilter({}), stop.signal)) {
        if (batch.length > 0) stop.abort();
      }
    };
    await expect(consume()).rejects.toThrow('aborted');
  });
});

/** Every path that passes by the plain rules, with all folders above it, in order. */
function plainWalk(files: readonly string[], includes: readonly string[], excludes: readonly string[]): string[] {
  const folders = (path: string): string[] => path.split('/').map((_, at, names) => names.slice(0, at + 1).join('/'));
  const all = [...new Set(files.flatMap(folders))];
  const include = new ReferenceMatcher(includes);
  const exclude = new ReferenceMatcher(excludes);
  const passing = all.filter((path) => (includes.length === 0 || include.matches(path)) && !exclude.matches(path));
  // Below every other character, a slash sorts a folder's content right behind the folder.
  const key = (path: string): string => bytesOf(path).replaceAll('/', '\0');
  return [...new Set(passing.flatMap(folders))].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

describe('a walk on disk', () => {
  let root = '';
  const at = (path: string): string => join(root, path);
  const write = (path: string, content = ''): void => {
    fs.mkdirSync(join(at(path), '..'), { recursive: true });
    fs.writeFileSync(at(path), content);
  };
  const tree = (): DiskTree => new DiskTree(root);

  beforeEach(() => {
    root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'walk-')));
  });
  afterEach(() => {
    fs.rmSync(root, { recursive: true, force: true });
  });

  it('tells type, permissions, size and time of change as Go does', async () => {
    write('file', 'four');
    fs.chmodSync(at('file'), 0o4751);
    execFileSync('touch', ['-d', '2001-02-03T04:05:06.123456789Z', at('file')]);
    execFileSync('touch', ['-d', '1960-01-01T00:00:00Z', at('file2')]);
    fs.mkdirSync(at('folder'));
    fs.chmodSync(at('folder'), 0o3770);
    fs.symlinkSync('no/where', at('link'));
    execFileSync('mkfifo', ['-m', '600', at('pipe')]);
    const facts = (await entriesOf(tree())).map(({ path, linkName, stat }) => ({
      path,
      linkName,
      mode: stat.mode.toString(16),
      sizeBytes: stat.sizeBytes,
    }));
    expect(facts).toEqual([
      { path: 'file', linkName: '', mode: '8001e9', sizeBytes: 4 },
      { path: 'file2', linkName: '', mode: '1a4', sizeBytes: 0 },
      { path: 'folder', linkName: '', mode: '805001f8', sizeBytes: 0 },
      { path: 'link', linkName: 'no/where', mode: '80001ff', sizeBytes: 8 },
      { path: 'pipe', linkName: '', mode: '2000180', sizeBytes: 0 },
    ]);
    const times = (await entriesOf(tree(), { includes: ['file*'] })).map(({ stat }) => stat.modifiedNs);
    expect(times).toEqual([981173106123456789n, -315619200000000000n]);
  });

  it.skipIf(process.getuid?.() !== 0)('tells the numbers of a device', async () => {
    execFileSync('mknod', [at('null'), 'c', '1', '300']);
    const [entry] = await entriesOf(tree());
    expect(entry?.stat).toMatchObject({ deviceMajor: 1, deviceMinor: 300 });
    expect(entry?.stat.mode.toString(16)).toBe('42001a4');
  });

  it('sends later names of a file as links to the first that is sent, with their real size', async () => {
    write('a/one', 'content');
    for (const name of ['b', 'a/two', 'c']) fs.linkSync(at('a/one'), at(name));
    const links = async (filter: Filter): Promise<unknown> =>
      (await entriesOf(tree(), filter)).map(({ path, linkName, stat }) => [path, linkName, stat.sizeBytes]);
    expect(await links({})).toEqual([
      ['a', '', 0],
      ['a/one', '', 7],
      ['a/two', 'a/one', 7],
      ['b', 'a/one', 7],
      ['c', 'a/one', 7],
    ]);
    expect(await links({ excludes: ['a'] })).toEqual([
      ['b', '', 7],
      ['c', 'b', 7],
    ]);
  });

  it('leaves sockets out', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at('socket'), resolve));
    write('file');
    expect(await pathsOf(tree())).toEqual(['file']);
    await new Promise((resolve) => server.close(resolve));
  });

  it('keeps names that are no UTF-8, and both ways to write an accent', async () => {
    const names = [Buffer.from([0x62, 0xff, 0xfe]), Buffer.from('e\u0301'), Buffer.from('\u00e9'), Buffer.from('a\nb')];
    for (const name of names) fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), name]), '');
    const sent = (await entriesOf(tree())).map(({ path }) => Buffer.from(path, 'latin1'));
    expect(sent).toEqual(names.toSorted((a, b) => Buffer.compare(a, b)));
  });

  it('goes on when a file vanishes between the listing of its folder and its turn', async () => {
    for (const name of ['a', 'b', 'c']) write(name);
    const real = tree();
    const vanishing: FileTree = {
      openFolder: (path) => {
        const folder = real.openFolder(path);
        fs.rmSync(at('b'));
        return folder;
      },
      openFile: (path, seen) => real.openFile(path, seen),
    };
    expect(await pathsOf(vanishing)).toEqual(['a', 'c']);
  });

  it('goes on when a folder vanishes before it is read', async () => {
    write('a/x');
    write('b');
    const real = tree();
    const vanishing: FileTree = {
      openFolder: (path) => {
        if (path === 'a') fs.rmSync(at('a'), { recursive: true });
        return real.openFolder(path);
      },
      openFile: (path, seen) => real.openFile(path, seen),
    };
    expect(await pathsOf(vanishing)).toEqual(['a', 'b']);
  });

  it.skipIf(process.geteuid?.() !== 0)('fails on what may not be read, unless it is filtered out', async () => {
    write('open/a');
    write('closed/a');
    fs.chmodSync(root, 0o755);
    fs.chmodSync(at('closed'), 0o700);
    process.seteuid?.(65534);
    try {
      await expect(pathsOf(tree())).rejects.toThrow('"closed": cannot be opened: permission denied');
      expect(await pathsOf(tree(), { excludes: ['closed'] })).toEqual(['open', 'open/a']);
      // Below an exclude with a wildcard exception the folder has to be looked into, and is not wanted itself.
      expect(await pathsOf(tree(), { excludes: ['closed', '!*/b'] })).toEqual(['open', 'open/a']);
      expect(await pathsOf(tree(), { includes: ['*/a'] })).toEqual(['open', 'open/a']);
    } finally {
      process.seteuid?.(0);
    }
  });

  it('says that the root is gone', async () => {
    fs.rmSync(root, { recursive: true });
    await expect(pathsOf(tree())).rejects.toThrow('the root of the folder: cannot be opened: it is gone');
  });

  it('refuses a folder that became a link after it was seen', async () => {
    write('a/x');
    write('b/y');
    const real = tree();
    const swapping: FileTree = {
      openFolder: (path) => {
        if (path === 'a') {
          fs.renameSync(at('a'), at('old'));
          fs.symlinkSync('/etc', at('a'));
        }
        return real.openFolder(path);
      },
      openFile: (path, seen) => real.openFile(path, seen),
    };
    await expect(pathsOf(swapping)).rejects.toThrow('"a": was replaced by something else while it was being read');
  });

  it.skipIf(!fs.existsSync('/proc/self/fd'))('refuses a folder whose parent became a link', () => {
    write('a/b/x');
    fs.renameSync(at('a'), at('old'));
    fs.symlinkSync('old', at('a'));
    expect(() => tree().openFolder('a/b')).toThrow('"a/b": was replaced by something else');
  });
});
