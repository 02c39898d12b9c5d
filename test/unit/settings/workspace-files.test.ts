// Files that settings name: what a link may do, and what is never read.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { workspaceFiles } from '../../../src/settings/workspace-files.ts';
import { temporaryFolder } from './step.ts';

const within = { followOutsideLinks: false };
const small = { ...within, maxBytes: 1024 };

function folders() {
  const outside = temporaryFolder({ secret: 'outside', 'sub/secret': 'outside' });
  const inside = temporaryFolder({ 'a/file': 'inside', 'b/other': 'other' });
  return { inside, outside, files: workspaceFiles(inside) };
}

describe('a path of the workspace', () => {
  it('is found, and links that stay inside are followed', () => {
    const { inside, files } = folders();
    symlinkSync('a', join(inside, 'to-a'));
    symlinkSync('../a/file', join(inside, 'b/up'));
    expect(files.find('a/file', within)).toEqual({ kind: 'file', path: join(inside, 'a/file'), sizeBytes: 6 });
    expect(files.find('to-a/file', within)).toMatchObject({ path: join(inside, 'a/file') });
    expect(files.find('b/up', within)).toMatchObject({ path: join(inside, 'a/file') });
    expect(files.find('to-a', within)).toEqual({ kind: 'directory', path: join(inside, 'a') });
    expect(files.find('.', within)).toEqual({ kind: 'directory', path: inside });
  });

  it.each<[string, (at: { inside: string; outside: string }) => void, string, string]>([
    [
      'the last part',
      ({ inside, outside }) => symlinkSync(join(outside, 'secret'), join(inside, 'leaf')),
      'leaf',
      'leaf',
    ],
    [
      'a folder on the way',
      ({ inside, outside }) => symlinkSync(outside, join(inside, 'mid')),
      'mid/sub/secret',
      'mid',
    ],
    [
      'a folder further down',
      ({ inside, outside }) => symlinkSync(outside, join(inside, 'a/mid')),
      'a/mid/secret',
      'a/mid',
    ],
    [
      'a relative link',
      ({ inside, outside }) => symlinkSync(join('..', outside.split('/').at(-1) ?? ''), join(inside, 'rel')),
      'rel/secret',
      'rel',
    ],
    [
      'a chain of links',
      ({ inside, outside }) => {
        symlinkSync('second', join(inside, 'first'));
        symlinkSync(join(outside, 'secret'), join(inside, 'second'));
      },
      'first',
      'first',
    ],
    [
      'a link out of the folder that a link leads to',
      ({ inside, outside }) => {
        symlinkSync('a', join(inside, 'hop'));
        symlinkSync(join(outside, 'secret'), join(inside, 'a/out'));
      },
      'hop/out',
      'hop/out',
    ],
  ])('is refused when a link leads out: %s', (_, arrange, path, link) => {
    const { inside, outside, files } = folders();
    arrange({ inside, outside });
    const wrong = `the link "${link}" leads out of the workspace`;
    expect(files.find(path, within)).toEqual({ kind: 'refused', wrong });
    expect(files.readSmallFile(path, small)).toEqual({ ok: false, wrong, missing: false });
    expect(files.find(path, { followOutsideLinks: true })).toMatchObject({ kind: 'file' });
  });

  it('is refused when written absolutely, or by another name of the workspace, too', () => {
    const { inside, outside, files } = folders();
    symlinkSync(join(outside, 'secret'), join(inside, 'leaf'));
    const alias = join(temporaryFolder(), 'alias');
    symlinkSync(inside, alias);
    expect(files.find(join(inside, 'leaf'), within)).toMatchObject({ kind: 'refused' });
    expect(files.find(join(alias, 'leaf'), within)).toMatchObject({ kind: 'refused' });
    expect(files.find(join(alias, 'a/file'), within)).toMatchObject({ kind: 'file' });
  });

  it('that a setting places outside is fine', () => {
    const { outside, files } = folders();
    expect(files.find(join(outside, 'secret'), within)).toMatchObject({ kind: 'file', path: join(outside, 'secret') });
    expect(files.find(`../${outside.split('/').at(-1)}/secret`, within)).toMatchObject({ kind: 'file' });
  });

  it.each(['/proc/self/environ', '/sys/kernel', '/dev/null', '/dev', '/proc/../proc/version'])(
    'never is %s, even where links may lead outside',
    (path) => {
      const { inside, files } = folders();
      symlinkSync(path, join(inside, 'link'));
      const refused = { kind: 'refused', wrong: expect.stringMatching(/^it leads into \/(proc|sys|dev)$/) };
      expect(files.find(path, { followOutsideLinks: true })).toEqual(refused);
      expect(files.find('link', { followOutsideLinks: true })).toEqual(refused);
    },
  );

  it('that is missing, odd or in a circle is said to be so', () => {
    const { inside, files } = folders();
    symlinkSync('loop', join(inside, 'loop'));
    symlinkSync('nowhere', join(inside, 'dangling'));
    execFileSync('mkfifo', [join(inside, 'fifo')]);
    expect(files.find('nowhere', within)).toEqual({ kind: 'missing' });
    expect(files.find('a/file/x', within)).toEqual({ kind: 'missing' });
    expect(files.find('dangling', within)).toEqual({ kind: 'missing' });
    expect(files.find('loop', within)).toEqual({
      kind: 'refused',
      wrong: '"loop" is a link that leads back to itself',
    });
    expect(files.find('fifo', within)).toEqual({ kind: 'other', what: 'a fifo' });
    expect(files.find('a\0b', within)).toEqual({ kind: 'refused', wrong: 'its path holds a NUL byte' });
    expect(files.find('x'.repeat(300), within)).toEqual({ kind: 'refused', wrong: 'its path is too long' });
  });
});

describe('reading a small file', () => {
  it('gives its bytes up to the limit', () => {
    const { inside, files } = folders();
    writeFileSync(join(inside, 'exact'), 'x'.repeat(1024));
    writeFileSync(join(inside, 'long'), 'x'.repeat(1025));
    writeFileSync(join(inside, 'empty'), '');
    const length = (path: string) => {
      const file = files.readSmallFile(path, small);
      return file.ok ? file.bytes.length : file.wrong;
    };
    expect([length('exact'), length('empty')]).toEqual([1024, 0]);
    expect(length('long')).toBe('"long" is longer than 1 KiB');
    expect(length('a')).toBe('"a" is a directory');
  });

  it('does not wait for the writer of a fifo', () => {
    const { inside, files } = folders();
    execFileSync('mkfifo', [join(inside, 'fifo')]);
    expect(files.readSmallFile('fifo', small)).toMatchObject({ ok: false, wrong: '"fifo" is a fifo' });
  });

  it('never gives bytes from outside while a folder is swapped for a link', async () => {
    const { inside, outside, files } = folders();
    mkdirSync(join(inside, 'flip'));
    writeFileSync(join(inside, 'flip/secret'), 'inside');
    symlinkSync(outside, join(inside, 'evil'));
    // Another process swaps the two names as fast as it can.
    const { spawn } = await import('node:child_process');
    const script = `const fs = require('node:fs'); process.chdir(${JSON.stringify(inside)});
      process.send('ready');
      for (;;) { try { fs.renameSync('flip', 'hold'); fs.renameSync('evil', 'flip'); fs.renameSync('flip', 'evil'); fs.renameSync('hold', 'flip'); } catch {} }`;
    const swapper = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    try {
      await new Promise((resolve) => swapper.once('message', resolve));
      const seen = new Set<string>();
      for (let attempt = 0; attempt < 3000 || seen.size < 2; attempt += 1) {
        const file = files.readSmallFile('flip/secret', small);
        seen.add(file.ok ? Buffer.from(file.bytes).toString() : 'refused');
      }
      expect(seen).not.toContain('outside');
      expect(seen.size).toBeGreaterThan(1);
    } finally {
      swapper.kill('SIGKILL');
      await new Promise((resolve) => swapper.once('exit', resolve));
    }
  });
});
