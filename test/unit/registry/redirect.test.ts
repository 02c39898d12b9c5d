import { describe, expect, it } from 'vitest';
import { isRedirect, resolveTarget, shownUrl, withParameter } from '../../../src/registry/redirect.ts';

const base = { origin: 'https://r.io', path: '/v2/a/b/blobs/uploads/?mount=x' };

describe('a location', () => {
  it.each([
    ['/v2/a/b/blobs/uploads/1?_state=a%2Fb+c', 'https://r.io', '/v2/a/b/blobs/uploads/1?_state=a%2Fb+c'],
    ['1?_state=x', 'https://r.io', '/v2/a/b/blobs/uploads/1?_state=x'],
    ['https://r.io/x', 'https://r.io', '/x'],
    ['https://r.io:443/x', 'https://r.io', '/x'],
    ['https://r.io:444/x', 'https://r.io:444', '/x'],
    ['//s.io/x', 'https://s.io', '/x'],
    [`https://s.io/x?sig='"|{}^`, 'https://s.io', `/x?sig='"|{}^`],
    ['https://s.io/x?a=b#fragment', 'https://s.io', '/x?a=b'],
    ['https://s.io', 'https://s.io', '/'],
    ['http://r.io/x', 'https://r.io', '/x'],
    ['http://r.io:8080/x', 'https://r.io', '/x'],
  ])('%s leads to %s%s', (location, origin, path) => {
    expect(resolveTarget(location, base)).toEqual({ origin, path });
  });

  it.each([
    ['http://s.io/x', 'https to http'],
    ['ftp://r.io/x', 'neither'],
    ['javascript:alert(1)', 'neither'],
    ['https://u:p@r.io/x', 'login'],
    ['https://', 'no URL'],
  ])('%s is not followed: %s', (location, reason) => {
    expect(() => resolveTarget(location, base)).toThrow(reason);
  });

  it('of a plain registry may be plain', () => {
    expect(resolveTarget('http://s.lan/x', { origin: 'http://r.lan', path: '/' })).toEqual({
      origin: 'http://s.lan',
      path: '/x',
    });
  });

  it('gets a parameter without being written anew', () => {
    expect(withParameter({ origin: 'o', path: '/p?_state=a%2Bb' }, 'digest', 'sha256:0').path).toBe(
      '/p?_state=a%2Bb&digest=sha256%3A0',
    );
    expect(withParameter({ origin: 'o', path: '/p' }, 'digest', 'x').path).toBe('/p?digest=x');
  });

  it('is shown without its query', () => {
    expect(shownUrl({ origin: 'https://r.io', path: '/p?sig=secret' })).toBe('https://r.io/p');
  });
});

describe('a redirect', () => {
  it.each([
    [301, 'GET', true],
    [302, 'HEAD', true],
    [303, 'GET', true],
    [307, 'PUT', true],
    [308, 'POST', true],
    [301, 'POST', false],
    [302, 'PUT', false],
    [304, 'GET', false],
    [200, 'GET', false],
  ])('is %i to %s: %s', (status, method, expected) => {
    expect(isRedirect(status, method)).toBe(expected);
  });
});
