import { describe, expect, it } from 'vitest';
import { isDigest, sha256 } from '../../../src/base/digest.ts';

describe('a digest', () => {
  it('is the one that everybody computes', () => {
    expect(sha256(Buffer.from('abc'))).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it.each([
    [sha256(Buffer.alloc(0)), true],
    [`sha256:${'A'.repeat(64)}`, false],
    [`sha256:${'a'.repeat(63)}`, false],
    [`sha256:${'a'.repeat(65)}`, false],
    [`sha256:${'a'.repeat(64)}\n`, false],
    [`sha512:${'a'.repeat(128)}`, false],
    ['a'.repeat(64), false],
    ['', false],
  ])('%j is one: %s', (text, expected) => {
    expect(isDigest(text)).toBe(expected);
  });
});
