import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskTree } from '../../../../src/buildkit/fsutil/disk-tree.ts';
import { followPaths } from '../../../../src/buildkit/fsutil/follow-paths.ts';

let root = '';

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'follow-')));
});
afterEach(() => {
  fs.rmSync(root, { recursive: true, force: true });
});

/** Files by path; a value that starts with `->` is a link. */
function make(files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    fs.mkdirSync(join(root, path, '..'), { recursive: true });
    if (content.startsWith('->')) fs.symlinkSync(content.slice(2), join(root, path));
    else fs.writeFileSync(join(root, path), content);
  }
}

interface Case {
  readonly files: Readonly<Record<string, string>>;
  readonly paths: readonly string[];
  /** undefined: no filter. */
  readonly found: readonly string[] | undefined;
}

const cases: Readonly<Record<string, Case>> = {
  'keeps a path without links': { files: { 'a/b': '' }, paths: ['a/b'], found: ['a/b'] },
  'keeps a path that does not exist': { files: {}, paths: ['a/b', 'c'], found: ['a/b', 'c'] },
  'takes a leading slash and dots away': { files: {}, paths: ['/a/./b/../c/'], found: ['a/c'] },
  'stops at the root on the way up': { files: {}, paths: ['../../a'], found: ['a'] },
  'takes a link and its target': { files: { a: '->b/c' }, paths: ['a'], found: ['a', 'b/c'] },
  'follows a chain of links': { files: { a: '->b', b: '->c', c: '' }, paths: ['a'], found: ['a', 'b', 'c'] },
  'follows a link in the middle of a path': {
    files: { 'd/x': '', l: '->d' },
    paths: ['l/x', 'l/y'],
    found: ['d/x', 'd/y', 'l'],
  },
  'reads a relative target from the folder of the link': {
    files: { 'a/l': '->../b/t', 'b/t': '' },
    paths: ['a/l'],
    found: ['a/l', 'b/t'],
  },
  'reads an absolute target from the root of the context': {
    files: { l: '->/etc/passwd' },
    paths: ['l'],
    found: ['etc/passwd', 'l'],
  },
  'keeps a target that climbs out inside': {
    files: { 'a/l': '->../../../etc' },
    paths: ['a/l'],
    found: ['a/l', 'etc'],
  },
  'ends at a link to itself': { files: { l: '->l' }, paths: ['l'], found: ['l'] },
  'ends at links that point at each other': { files: { a: '->b', b: '->a' }, paths: ['a'], found: ['a', 'b'] },
  'ends at a link that points below itself': { files: { l: '->l/x' }, paths: ['l'], found: ['l'] },
  'a link to the root means everything': { files: { 'a/l': '->..' }, paths: ['a/l'], found: undefined },
  'the root itself means everything': { files: {}, paths: ['a', '.'], found: undefined },
  'an empty path means everything': { files: {}, paths: [''], found: undefined },
  'looks up a wildcard and follows the links that it matches': {
    files: { 'd/a1': '->../x', 'd/a2': '', 'd/b': '->../y' },
    paths: ['d/a*'],
    found: ['d/a*', 'x'],
  },
  'follows the rest of the path behind a wildcard that matches links': {
    files: { v1: '->real', 'real/f': '->g' },
    paths: ['v?/f'],
    found: ['real/f', 'real/g', 'v?'],
  },
  'goes on behind a wildcard that matches no link': {
    files: { 'v1/f': '' },
    paths: ['v*/f'],
    found: ['v*/f'],
  },
  'an escaped wildcard is none': { files: { a1: '->x' }, paths: [String.raw`a\*`], found: [String.raw`a\*`] },
  'a malformed wildcard matches nothing': { files: { a1: '->x' }, paths: ['a['], found: ['a['] },
  'two stars are one in a name': { files: { ab: '->x' }, paths: ['a**'], found: ['a**', 'x'] },
  'a wildcard in a folder that is not there finds nothing': { files: {}, paths: ['no/a*'], found: ['no/a*'] },
  'a file where a folder is expected is the end': { files: { f: '' }, paths: ['f/x/y'], found: ['f/x/y'] },
  'drops what lies below a path of the list': { files: {}, paths: ['a', 'a/b', 'a-c'], found: ['a', 'a-c', 'a/b'] },
  'drops what lies directly behind its folder': { files: {}, paths: ['a/b', 'a'], found: ['a'] },
  'follows links in names of any script': { files: { é: '->ü/ö' }, paths: ['é'], found: ['é', 'ü/ö'].sort() },
};

describe('following paths', () => {
  it.each(Object.entries(cases))('%s', (_, { files, paths, found }) => {
    make(files);
    const result = followPaths(new DiskTree(root), paths);
    expect(result?.toSorted()).toEqual(found?.toSorted());
  });

  it('ends when links with wildcards multiply', () => {
    make(Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`l${at}`, `->l*/${at}`])));
    expect(() => followPaths(new DiskTree(root), ['l*'])).toThrow('multiply without end');
  });
});
