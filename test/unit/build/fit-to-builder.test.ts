// What a daemon can do of an order, found out before any work.
import { describe, expect, it } from 'vitest';
import type { Builder, BuildOrder } from '../../../src/build/build-image.ts';
import { fitToBuilder } from '../../../src/build/fit-to-builder.ts';
import { usualSandbox } from '../../../src/build/sandbox-attrs.ts';

const order: BuildOrder = {
  source: { kind: 'local', contextDirectory: '/w', dockerfileDirectory: '/w' },
  namedContexts: new Map(),
  dockerfileName: 'Dockerfile',
  platforms: [],
  buildArgs: new Map(),
  labels: new Map(),
  pull: true,
  noCache: false,
  cacheFrom: [],
  addHosts: [],
  exporterAttrs: {},
  sandbox: usualSandbox,
  secrets: new Map(),
  sharedKey: 'key',
};

const builders = {
  old: { imageStore: 'graphdriver', limitsRun: false },
  graphdriver: { imageStore: 'graphdriver', limitsRun: true, hostGatewayAddress: '172.17.0.1' },
  containerd: { imageStore: 'containerd', limitsRun: true, hostGatewayAddress: '172.17.0.1' },
} as const;

const fit = (changes: Partial<BuildOrder>, kind: keyof typeof builders) => {
  const builder: Builder = {
    ...builders[kind],
    dial: () => Promise.reject(new Error('not asked')),
    platforms: ['linux/amd64'],
  };
  return fitToBuilder({ ...order, ...changes }, builder);
};

describe('an order', () => {
  it.each(['old', 'graphdriver', 'containerd'] as const)('of nothing special fits %s', (kind) => {
    expect(fit({}, kind)).toEqual({ order, warnings: [] });
  });

  it('of two platforms needs the containerd image store', () => {
    const platforms = ['linux/amd64', 'linux/arm64'];
    expect(fit({ platforms }, 'containerd').order.platforms).toEqual(platforms);
    expect(() => fit({ platforms }, 'graphdriver')).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('settings.platform') }),
    );
  });

  it('with limits of RUN needs a builder that heeds them', () => {
    const sandbox = { ...order.sandbox, limits: [{ name: 'nofile', soft: 1, hard: 2 }], controlGroup: '/x' };
    expect(fit({ sandbox }, 'graphdriver').warnings).toEqual([]);
    expect(() => fit({ sandbox }, 'old')).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('settings.ulimit, cgroup_parent:') }),
    );
    expect(() => fit({ sandbox: { ...order.sandbox, shmSizeBytes: 1 } }, 'old')).toThrow('settings.shm_size:');
  });

  it('with host-gateway needs a daemon that tells its address', () => {
    const addHosts = [{ host: 'gate', address: 'host-gateway' }];
    expect(fit({ addHosts }, 'containerd').order.addHosts).toEqual(addHosts);
    expect(() => fit({ addHosts }, 'old')).toThrow(expect.objectContaining({ exitCode: 2 }));
    expect(() => fit({ addHosts: [{ host: 'db', address: '10.0.0.1' }] }, 'old')).not.toThrow();
  });

  it('keeps the times of files on a graph-driver store, and says so', () => {
    const changes = { exporterAttrs: { 'rewrite-timestamp': 'true' } };
    expect(fit(changes, 'containerd').warnings).toEqual([]);
    expect(fit(changes, 'graphdriver').warnings).toEqual([expect.stringContaining('settings.reproducible')]);
  });
});
