// Names under docker-build.invalid: always legal, and read back as they were made.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keptName, parseTemporaryName, repositorySlug, temporaryName } from '../../../src/plan/temporary-name.ts';

const random = '0123456789abcdef0123456789abcdef';

describe('a temporary name', () => {
  it('says project, start and a random part', () => {
    expect(temporaryName({ repositorySlug: 'octo/app', startSeconds: 1_795_000_000, random })).toBe(
      `docker-build.invalid/octo/app:1795000000-${random}`,
    );
  });

  it.each([
    ['Octo-Org/My_App', 'octo-org/my-app'],
    ['a//b/../c', 'a/b/c'],
    ['-x-/--', 'x'],
    ['', 'local'],
    ['Übung/日本', 'bung'],
    ['a'.repeat(300), 'a'.repeat(200)],
  ])('makes the slug of %j legal', (text, slug) => {
    expect(repositorySlug(text)).toBe(slug);
  });

  it('of an image that stays says so, and is a legal one for any project', () => {
    const slugOf = (text: string) =>
      parseTemporaryName(keptName({ repositorySlug: repositorySlug(text), startSeconds: 1_795_000_000, random }));
    expect(slugOf('Octo/App')?.repositorySlug).toBe('kept/octo/app');
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), (text) => {
        expect(slugOf(text)?.repositorySlug).toMatch(/^kept\/./);
      }),
    );
    expect(slugOf('a'.repeat(195))?.repositorySlug).toBe(`kept/${'a'.repeat(195)}`);
    expect(slugOf(`${'a'.repeat(194)}/b`)?.repositorySlug).toBe(`kept/${'a'.repeat(194)}`);
  });

  it('is a legal reference of ours for any project', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.nat(2_000_000_000), (text, seconds) => {
        const parts = { repositorySlug: repositorySlug(text), startSeconds: seconds + 1, random };
        const name = temporaryName(parts);
        expect(name.slice(0, name.lastIndexOf(':')).length).toBeLessThanOrEqual(255);
        expect(parseTemporaryName(name)).toEqual(parts);
      }),
    );
  });

  it.each([
    'docker-build.invalid/app:latest',
    `docker.io/app:1795000000-${random}`,
    `docker-build.invalid/App:1795000000-${random}`,
    `docker-build.invalid/a//b:1795000000-${random}`,
    `docker-build.invalid/app:0-${random}`,
    `docker-build.invalid/app:1795000000-${random.toUpperCase()}`,
    `docker-build.invalid/app:1795000000-${random}0`,
    `x/docker-build.invalid/app:1795000000-${random}`,
    `docker-build.invalid/app:1795000000-${random}\n`,
  ])('is not %s', (name) => {
    expect(parseTemporaryName(name)).toBeUndefined();
  });

  it('is refused when a part is not legal', () => {
    expect(() => temporaryName({ repositorySlug: 'A', startSeconds: 1, random })).toThrow(RangeError);
    expect(() => temporaryName({ repositorySlug: 'a', startSeconds: 1.5, random })).toThrow(RangeError);
  });
});
