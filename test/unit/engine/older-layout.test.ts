import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/base/digest.ts';
import { diffIdOfFolder } from '../../../src/engine/older-layout.ts';

// As Docker 20.10.24 exported an image of four layers, whose second and fourth are the same.
const diffIds: readonly Digest[] = [
  'sha256:d6f6e5e3a9678aecc117c985992235ed55a6140cfb2ad4b41b1867023b99e95b',
  'sha256:164426d6615d2c219996cb873be21492969ed87543a5cee991c7ee06081f7951',
  'sha256:02b0e5d97a47fd4e6d904c09b142d4fcbd111facd332d97010647d8c0d7ffd66',
  'sha256:164426d6615d2c219996cb873be21492969ed87543a5cee991c7ee06081f7951',
];
const folders = [
  '1bb991bbe2329ed621d0383542098744313600eb97d7d6c7fd6c9e923986e66d',
  'bda62e91cea0013dc073f1d3be9e5f73b4fa44a70d65dcf578ca767628f0393d',
  '41798368bd0e31d6e0dc828be2d712602707b23ef10307956002fadabc0b098f',
] as const;
const stub =
  '"created":"1970-01-01T00:00:00Z","container_config":{"Hostname":"","Domainname":"","User":"","AttachStdin":false,' +
  '"AttachStdout":false,"AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,' +
  '"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null},"os":"linux"}';

const description = (folder: string, parent?: string): Buffer =>
  Buffer.from(`{"id":"${folder}",${parent === undefined ? '' : `"parent":"${parent}",`}${stub}`);

describe('the folder of a layer', () => {
  it.each([
    [folders[0], undefined, diffIds[0]],
    [folders[1], folders[0], diffIds[1]],
    [folders[2], folders[1], diffIds[2]],
  ])('%s below %s tells which layer it holds', (folder, parent, expected) => {
    expect(diffIdOfFolder(folder, description(folder, parent), diffIds)).toBe(expected);
  });

  it.each([
    ['another parent', folders[1], description(folders[1], folders[2])],
    ['another name', 'f'.repeat(64), description('f'.repeat(64), folders[0])],
    ['no description', folders[0], Buffer.alloc(0)],
    ['a description that is no object', folders[0], Buffer.from('7')],
    ['a description without a config', folders[0], Buffer.from('{"created":"1970-01-01T00:00:00Z"}')],
  ])('tells nothing with %s', (_, folder, described) => {
    expect(diffIdOfFolder(folder, described, diffIds)).toBeUndefined();
  });

  it('tells nothing about an image that it does not belong to', () => {
    const other: Digest = `sha256:${createHash('sha256').update('other').digest('hex')}`;
    expect(diffIdOfFolder(folders[0], description(folders[0]), [other])).toBeUndefined();
  });
});
