import { describe, expect, it } from 'vitest';
import { proxyRule, readProxy, shownProxy } from '../../../src/base/proxy.ts';

const http = 'http://plain.example:3128';
const https = 'http://secure.example:3129';
const ask = (no: string | undefined, target: string) => proxyRule({ http, https, no })(new URL(target));

describe('a proxy', () => {
  it('is chosen by the scheme of the target', () => {
    expect(ask(undefined, 'http://reg.example')).toBe(`${http}/`);
    expect(ask(undefined, 'https://reg.example')).toBe(`${https}/`);
    expect(proxyRule({ http })(new URL('https://reg.example'))).toBeUndefined();
    expect(proxyRule({})(new URL('http://reg.example'))).toBeUndefined();
  });

  it.each(['localhost', 'localhost:5000', '127.0.0.1:5000', '127.9.9.9', '[::1]:5000'])(
    'is never between us and %s',
    (host) => {
      expect(ask(undefined, `https://${host}`)).toBeUndefined();
    },
  );

  it.each<readonly [string, string, boolean]>([
    ['*', 'https://reg.example', true],
    ['reg.example', 'https://reg.example', true],
    ['reg.example', 'https://REG.example:5000', true],
    ['REG.example', 'https://reg.example', true],
    ['reg.example.', 'https://reg.example', true],
    ['reg.example', 'https://reg.example.', true],
    ['example', 'https://reg.example', true],
    ['reg.example', 'https://myreg.example', false],
    ['reg.example', 'https://reg.example.evil.net', false],
    ['.example', 'https://reg.example', true],
    ['.reg.example', 'https://reg.example', false],
    ['*.example', 'https://a.reg.example', true],
    ['*.reg.example', 'https://reg.example', false],
    ['reg.example:5000', 'https://reg.example:5000', true],
    ['reg.example:5000', 'https://reg.example', false],
    ['reg.example:443', 'https://reg.example', true],
    ['reg.example:80', 'http://reg.example', true],
    ['.example:443', 'https://reg.example', true],
    ['10.1.2.3', 'https://10.1.2.3:5000', true],
    ['10.1.2.3:5000', 'https://10.1.2.3:5000', true],
    ['10.1.2.3:5001', 'https://10.1.2.3:5000', false],
    ['10.1.2.3', 'https://10.1.2.30', false],
    ['10.0.0.0/8', 'https://10.200.0.1', true],
    ['10.0.0.0/8', 'https://11.0.0.1', false],
    ['10.0.0.0/33', 'https://10.0.0.1', false],
    ['10.0.0.0/8', 'https://ten.example', false],
    ['fd00::/8', 'https://[fd12::1]:5000', true],
    ['fd00::/8', 'https://[fe80::1]', false],
    ['fd12::1', 'https://[fd12:0::1]', true],
    ['[fd12::1]:5000', 'https://[fd12::1]:5000', true],
    ['[fd12::1]:5000', 'https://[fd12::1]', false],
    ['other.example, reg.example', 'https://reg.example', true],
    ['other.example reg.example', 'https://reg.example', true],
    ['other.example,,', 'https://reg.example', false],
    ['.', 'https://reg.example', false],
    ['http://reg.example', 'https://reg.example', false],
  ])('with no_proxy %j is not asked for %s: %s', (no, target, isDirect) => {
    expect(ask(no, target) === undefined).toBe(isDirect);
  });
});

describe('the address of a proxy', () => {
  it.each([
    ['http://proxy.example:3128', 'http://proxy.example:3128/'],
    ['proxy.example:3128', 'http://proxy.example:3128/'],
    ['proxy.example', 'http://proxy.example/'],
    ['https://u:p%40ss@proxy.example', 'https://u:p%40ss@proxy.example/'],
    ['  10.0.0.1:3128 ', 'http://10.0.0.1:3128/'],
    ['socks5://proxy.example:1080', undefined],
    ['http://', undefined],
    ['proxy example', undefined],
    ['', undefined],
  ])('%j is read as %s', (text, url) => {
    expect(readProxy(text)?.href).toBe(url);
  });

  it('is shown without its login', () => {
    expect(shownProxy('http://u:hunter22@proxy.example:3128/')).toBe('http://proxy.example:3128');
  });
});
