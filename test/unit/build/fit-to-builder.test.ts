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
  cacheTo: [],
  attestations: [],
  annotations: [],
  addHosts: [],
  exporterAttrs: {},
  sandbox: usualSandbox,
  secrets: new Map(),
  ssh: [],
  strictContext: false,
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

  it('loses the caches that the daemon does not offer, with a warning for each kind', () => {
    const cache = (type: string, attrs: Readonly<Record<string, string>> = {}) => ({ type, attrs });
    const cacheFrom = [cache('registry', { ref: 'a/b' }), cache('gha'), cache('s3', { bucket: 'a' }), cache('s3')];
    const cacheTo = [cache('inline'), cache('registry', { ref: 'a/b', 'ignore-error': 'true' }), cache('azblob')];
    const graph = fit({ cacheFrom, cacheTo }, 'graphdriver');
    expect(graph.order).toMatchObject({ cacheFrom: [cacheFrom[0]], cacheTo: [cache('inline')] });
    expect(graph.warnings).toEqual([
      'settings.cache_from: type=gha is not offered by a Docker daemon; left out',
      'settings.cache_from: type=s3 is not offered by a Docker daemon; left out',
      expect.stringMatching(/^settings.cache_to: type=registry is not offered .*; left out. .*containerd-snapshotter/),
      expect.stringMatching(/^settings.cache_to: type=azblob is not offered by a Docker daemon; left out/),
    ]);
    const containerd = fit({ cacheFrom, cacheTo }, 'containerd');
    expect(containerd.order).toMatchObject({ cacheFrom: cacheFrom.slice(0, 2), cacheTo: cacheTo.slice(0, 2) });
    expect(containerd.warnings).toHaveLength(2);
  });

  it('with a cache that must be written does not fit a daemon that cannot', () => {
    const strict = (type: string) => [{ type, attrs: { ref: 'a/b', 'ignore-error': 'false' } }];
    expect(() => fit({ cacheTo: strict('registry') }, 'graphdriver')).toThrow(
      expect.objectContaining({ exitCode: 2, hint: expect.stringContaining('containerd-snapshotter') }),
    );
    expect(() => fit({ cacheTo: strict('s3') }, 'containerd')).toThrow(
      expect.objectContaining({ exitCode: 2, hint: expect.stringContaining('type=registry') }),
    );
    expect(fit({ cacheTo: strict('registry') }, 'containerd').order.cacheTo).toEqual(strict('registry'));
  });

  it('with attestations needs the containerd image store: without it they are lost, or refused when spelled out', () => {
    const attestations = [{ type: 'provenance', attrs: { mode: 'min' }, required: false }] as const;
    expect(fit({ attestations }, 'containerd').order.attestations).toEqual(attestations);
    const graph = fit({ attestations }, 'graphdriver');
    expect(graph.order.attestations).toEqual([]);
    expect(graph.warnings).toEqual([expect.stringMatching(/^settings.provenance: .*left out/)]);
    const required = [{ type: 'sbom', attrs: { generator: 'a/b' }, required: true }] as const;
    expect(() => fit({ attestations: [...attestations, ...required] }, 'graphdriver')).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('settings.provenance, sbom:') }),
    );
  });

  it('with annotations needs the parts that they are for, and names a platform only where there are several', () => {
    const index = [{ level: 'index', key: 'a', value: '1' }] as const;
    const provenance = [{ type: 'provenance', attrs: {}, required: false }] as const;
    const platforms = ['linux/amd64', 'linux/arm64'];
    const attrs = (changes: Partial<BuildOrder>) => fit(changes, 'containerd').order.exporterAttrs;
    expect(() => attrs({ annotations: index })).toThrow('settings.annotations: index:');
    expect(() => fit({ annotations: index, attestations: provenance }, 'graphdriver')).toThrow('settings.annotations');
    const annotated = { 'annotation-index.a': '1', 'oci-mediatypes': 'true' };
    expect(attrs({ annotations: index, attestations: provenance })).toEqual(annotated);
    expect(attrs({ annotations: index, platforms, exporterAttrs: { compression: 'zstd' } })).toEqual({
      compression: 'zstd',
      ...annotated,
    });
    const ofArm = [{ level: 'manifest', platform: 'linux/arm64', key: 'a', value: '1' }] as const;
    expect(attrs({ annotations: ofArm, platforms })).toHaveProperty(['annotation-manifest[linux/arm64].a']);
    expect(attrs({ annotations: ofArm, platforms: ['linux/arm64'] })).toHaveProperty(['annotation-manifest.a']);
    expect(() => attrs({ annotations: ofArm })).toThrow('the image is made for linux/amd64');
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
