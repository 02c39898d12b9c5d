import { describe, expect, it } from 'vitest';
import { chooseOutput, untoldTrust } from '../../../src/build/choose-output.ts';

const app = { domain: 'reg.example:5000', path: 'app' };
const order = {
  repositories: [app],
  insecureHosts: new Set<string>(),
  unverifiedHosts: new Set<string>(),
  imageStore: 'containerd' as const,
  needsImage: false,
  temporaryName: 'docker-build.invalid/app:1-2',
};

describe('chooseOutput', () => {
  it('lets a containerd store push by digest, without a tag', () => {
    expect(chooseOutput(order)).toEqual({
      kind: 'push-by-digest',
      repositories: ['reg.example:5000/app'],
      insecure: false,
    });
  });

  it('gives the image a temporary name on a graph-driver store', () => {
    expect(chooseOutput({ ...order, imageStore: 'graphdriver' })).toEqual({
      kind: 'temporary-image',
      name: 'docker-build.invalid/app:1-2',
    });
  });

  it.each(['containerd', 'graphdriver'] as const)('exports nothing in a dry run on a %s store', (imageStore) => {
    expect(chooseOutput({ ...order, repositories: [], imageStore })).toEqual({ kind: 'nothing' });
  });

  it('gives it one in a dry run too when archives are made of it, which BuildKit does on a containerd store', () => {
    const dryRun = { ...order, repositories: [], needsImage: true };
    expect(chooseOutput({ ...dryRun, imageStore: 'graphdriver' })).toMatchObject({ kind: 'temporary-image' });
    expect(chooseOutput(dryRun)).toEqual({ kind: 'nothing' });
  });

  it('tells the daemon that a registry is insecure only when that one is', () => {
    const output = chooseOutput({ ...order, insecureHosts: new Set(['reg.example:5000']) });
    expect(output).toMatchObject({ insecure: true });
    expect(chooseOutput({ ...order, insecureHosts: new Set(['reg.example']) })).toMatchObject({ insecure: false });
    const unverified = chooseOutput({ ...order, unverifiedHosts: new Set(['reg.example:5000']) });
    expect(unverified).toMatchObject({ insecure: true });
  });

  it('refuses to stretch trust from one registry to another', () => {
    const repositories = [app, { domain: 'docker.io', path: 'library/app' }];
    const insecureHosts = new Set(['reg.example:5000']);
    expect(() => chooseOutput({ ...order, repositories, insecureHosts })).toThrow(/reg\.example:5000/);
  });
});

describe('untoldTrust', () => {
  const authorities = ['pem'];
  const clientPair = { cert: 'c', key: 'k' };
  const said = (host: string, what: string): string =>
    `this daemon pushes to ${host} by itself and cannot be given ${what}; it needs files of its own in /etc/docker/certs.d/${host}`;

  it('warns of each host that only this side has certificates for', () => {
    const repositories = [app, { ...app, path: 'other' }, { domain: 'b.io', path: 'x' }, { domain: 'c.io', path: 'x' }];
    const trust = new Map([
      ['reg.example:5000', { authorities, clientPair }],
      ['b.io', { authorities: [], clientPair }],
      ['d.io', { authorities }],
    ]);
    expect(untoldTrust(chooseOutput({ ...order, repositories }), trust)).toEqual([
      said('reg.example:5000', 'ca_cert and client_cert'),
      said('b.io', 'client_cert'),
    ]);
    const stored = chooseOutput({ ...order, repositories, imageStore: 'graphdriver' });
    expect(untoldTrust(stored, trust)).toEqual([]);
  });
});
