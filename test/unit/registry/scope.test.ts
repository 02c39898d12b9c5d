import { describe, expect, it } from 'vitest';
import { includesScope, mergeScopes, scopeText } from '../../../src/registry/scope.ts';

describe('a scope', () => {
  it('is written with its actions in order', () => {
    expect(scopeText({ path: 'a/b', actions: ['pull', 'push'] })).toBe('repository:a/b:pull,push');
  });

  it.each([
    ['repository:a:pull,push', 'repository:a:pull', true],
    ['repository:a:pull,push', 'repository:a:push,pull', true],
    ['repository:a:pull', 'repository:a:pull,push', false],
    ['repository:a:pull', 'repository:b:pull', false],
    ['repository:h:5000/a:pull', 'repository:h:5000/a:pull', true],
  ])('%s includes %s: %s', (held, wanted, expected) => {
    expect(includesScope(held, wanted)).toBe(expected);
  });

  it('is widened by what the registry asks for, in the same repository only', () => {
    const own = ['repository:a:pull', 'repository:b:pull'];
    expect(mergeScopes(own, ['repository:a:push', 'repository:c:pull', 'registry:catalog:*'])).toEqual([
      'repository:a:pull,push',
      'repository:b:pull',
    ]);
    expect(mergeScopes(own, [])).toEqual(own);
  });
});
