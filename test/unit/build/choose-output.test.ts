import { describe, expect, it } from 'vitest';
import { chooseOutput, type OutputOrder } from '../../../src/build/choose-output.ts';

const app = { domain: 'reg.example:5000', path: 'app' };
const hub = { domain: 'docker.io', path: 'library/app' };
const order: OutputOrder = {
  repositories: [app],
  insecureHosts: new Set<string>(),
  unverifiedHosts: new Set<string>(),
  hostTrust: new Map(),
  hasProxy: () => false,
  imageStore: 'containerd',
  pushVia: 'auto',
  needsImage: false,
  temporaryName: 'docker-build.invalid/app:1-2',
};
const ways = ['auto', 'daemon', 'plugin'] as const;

describe('a containerd store', () => {
  it.each(['auto', 'daemon'] as const)('pushes by digest, without a tag (%s)', (pushVia) => {
    expect(chooseOutput({ ...order, pushVia })).toEqual({
      output: { kind: 'push-by-digest', repositories: ['reg.example:5000/app'], insecure: false },
      notes: [],
      warnings: [],
    });
  });

  it('hands the image over when this plugin is to send it', () => {
    expect(chooseOutput({ ...order, pushVia: 'plugin' }).output).toEqual({ kind: 'archive' });
  });

  it('is told that a registry is insecure only when that one is', () => {
    const of = (hosts: Partial<OutputOrder>) => chooseOutput({ ...order, ...hosts }).output;
    expect(of({ insecureHosts: new Set(['reg.example:5000']) })).toMatchObject({ insecure: true });
    expect(of({ insecureHosts: new Set(['reg.example']) })).toMatchObject({ insecure: false });
    expect(of({ unverifiedHosts: new Set(['reg.example:5000']) })).toMatchObject({ insecure: true });
  });

  it('pushes to the repositories of one registry, and never stretches trust to another', () => {
    const repositories = [app, hub, { ...app, path: 'mirror' }];
    expect(chooseOutput({ ...order, repositories, insecureHosts: new Set([app.domain]) }).output).toEqual({
      kind: 'push-by-digest',
      repositories: ['reg.example:5000/app', 'reg.example:5000/mirror'],
      insecure: true,
    });
  });
});

describe('a graph-driver store', () => {
  const graphdriver = { ...order, imageStore: 'graphdriver' as const };

  it.each(['auto', 'plugin'] as const)('gives the image a temporary name (%s)', (pushVia) => {
    const { output } = chooseOutput({ ...graphdriver, pushVia });
    expect(output).toEqual({ kind: 'temporary-image', name: 'docker-build.invalid/app:1-2' });
  });

  it('cannot push', () => {
    expect(() => chooseOutput({ ...graphdriver, pushVia: 'daemon' })).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('this store cannot push by digest') }),
    );
  });
});

describe('a dry run', () => {
  const dryRun = { ...order, repositories: [] };

  it.each(ways)('exports nothing (%s)', (pushVia) => {
    for (const imageStore of ['containerd', 'graphdriver'] as const) {
      expect(chooseOutput({ ...dryRun, pushVia, imageStore }).output).toEqual({ kind: 'nothing' });
    }
  });

  it('names the image when archives are made of it, which BuildKit does on a containerd store', () => {
    const wanted = { ...dryRun, needsImage: true };
    expect(chooseOutput({ ...wanted, imageStore: 'graphdriver' }).output).toMatchObject({ kind: 'temporary-image' });
    expect(chooseOutput(wanted).output).toEqual({ kind: 'nothing' });
  });
});

describe('a registry that only this side knows how to reach', () => {
  const authorities = ['pem'];
  const clientPair = { cert: 'c', key: 'k' };
  const hostTrust = new Map([
    ['reg.example:5000', { authorities, clientPair }],
    ['other.example', { authorities }],
  ]);

  it('is uploaded to from here, and the log says why', () => {
    expect(chooseOutput({ ...order, hostTrust })).toEqual({
      output: { kind: 'archive' },
      notes: [
        'the daemon cannot be given ca_cert and client_cert for reg.example:5000, so this plugin uploads the image itself',
      ],
      warnings: [],
    });
    expect(chooseOutput({ ...order, hasProxy: (host) => host === app.domain })).toMatchObject({
      output: { kind: 'archive' },
      notes: [expect.stringContaining('cannot be given a proxy for')],
    });
  });

  it('gets a warning when the daemon has to push, which then pushes to another one if it can', () => {
    const alone = chooseOutput({ ...order, hostTrust, pushVia: 'daemon' });
    expect(alone.output).toMatchObject({ repositories: ['reg.example:5000/app'] });
    expect(alone.warnings).toEqual([
      'this daemon pushes to reg.example:5000 by itself and cannot be given ca_cert and client_cert; it needs its own, such as files in /etc/docker/certs.d/reg.example:5000',
    ]);
    expect(chooseOutput({ ...order, hostTrust, pushVia: 'daemon', repositories: [app, hub] })).toMatchObject({
      output: { repositories: ['docker.io/library/app'] },
      warnings: [],
    });
  });
});
