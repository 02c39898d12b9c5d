import { describe, expect, it } from 'vitest';
import { apiHostOf, faultOfHost, registryHost } from '../../../src/base/registry-host.ts';

describe('a registry host', () => {
  it.each([
    ['r.io', 'r.io'],
    ['R.IO:5000', 'r.io:5000'],
    ['https://r.io/v2/', 'r.io'],
    ['http://r.io:5000/team', 'r.io:5000'],
    ['[::1]:5000', '[::1]:5000'],
    ['docker.io', 'docker.io'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['https://registry.hub.docker.com', 'docker.io'],
    ['hub.docker.com', 'docker.io'],
    ['x.docker.io', 'x.docker.io'],
    ['docker.io:443', 'docker.io:443'],
    ['docker.io.evil.example', 'docker.io.evil.example'],
  ])('written as %s is %s', (text, host) => {
    expect(registryHost(text)).toBe(host);
  });

  it('answers under its own name, unless it is Docker Hub', () => {
    expect(apiHostOf('r.io:5000')).toBe('r.io:5000');
    expect(apiHostOf('docker.io')).toBe('registry-1.docker.io');
  });

  it.each(['r.io', 'localhost', 'reg:5000', '127.0.0.1:1', '[::1]', '[2001:db8::1]:65535', 'a-b.c1'])(
    'may be %s',
    (text) => {
      expect(faultOfHost(text)).toBeUndefined();
    },
  );

  it.each([
    ['', 'host', ''],
    ['a..b', 'host', 'a..b'],
    ['-a.b', 'host', '-a.b'],
    ['a_b', 'host', 'a_b'],
    ['a b', 'host', 'a b'],
    ['[::1', 'host', '[::1'],
    ['[fe80::1%eth0]', 'host', '[fe80::1%eth0]'],
    ['999.1.1.1', 'host', '999.1.1.1'],
    ['1.2.3.4.5:80', 'host', '1.2.3.4.5:80'],
    ['xn--0.example', 'host', 'xn--0.example'],
    ['a:', 'port', ''],
    ['a:0', 'port', '0'],
    ['a:65536', 'port', '65536'],
    ['a:x', 'port', 'x'],
    ['a:1:2', 'port', '1:2'],
  ])('may not be %j', (text, part, shown) => {
    expect(faultOfHost(text)).toEqual({ part, text: shown });
  });
});
