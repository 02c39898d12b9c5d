import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isLoopbackHost, Neighbourhood, reachOf } from '../../../src/registry/neighbourhood.ts';

describe('the reach of an address', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.9.9.9', 'loopback'],
    ['0.0.0.0', 'loopback'],
    ['::1', 'loopback'],
    ['[::1]', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['10.1.2.3', 'private'],
    ['172.16.0.1', 'private'],
    ['172.32.0.1', 'public'],
    ['192.168.1.1', 'private'],
    ['::ffff:192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd00:ec2::254', 'private'],
    ['8.8.8.8', 'public'],
    ['2001:db8::1', 'public'],
  ])('%s is %s', (address, reach) => {
    expect(reachOf(address)).toBe(reach);
  });
});

describe('loopback', () => {
  it.each([
    ['localhost', true],
    ['LOCALHOST', true],
    ['reg.localhost', true],
    ['127.0.0.1', true],
    ['[::1]', true],
    ['localhost.example.com', false],
    ['notlocalhost', false],
    ['10.0.0.1', false],
  ])('is %s: %s', (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});

describe('a neighbourhood', () => {
  it('of a public registry has no private addresses', () => {
    const neighbourhood = new Neighbourhood('reg.example.com');
    expect(() => neighbourhood.checkLiteral('8.8.8.8')).not.toThrow();
    expect(() => neighbourhood.checkLiteral('auth.example.com')).not.toThrow();
    for (const address of ['127.0.0.1', '[::1]', '10.0.0.1', '169.254.169.254']) {
      expect(() => neighbourhood.checkLiteral(address)).toThrow('address');
    }
  });

  it('of a registry on a private address has private ones, but no others', () => {
    const neighbourhood = new Neighbourhood('10.0.0.5');
    expect(() => neighbourhood.checkLiteral('10.0.0.6')).not.toThrow();
    expect(() => neighbourhood.checkLiteral('127.0.0.1')).toThrow('loopback');
    expect(() => neighbourhood.checkLiteral('169.254.169.254')).toThrow('link-local');
  });

  it('looks at the address that a name leads to', async () => {
    const remote = new Neighbourhood('reg.example.com');
    await expect(promisify(remote.foreign)('localhost', {})).rejects.toThrow('localhost is a loopback address');
    const local = new Neighbourhood('localhost');
    await promisify(local.own)('localhost', {});
    await expect(promisify(local.foreign)('localhost', {})).resolves.toBeTruthy();
  });
});
