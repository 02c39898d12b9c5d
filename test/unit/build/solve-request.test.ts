import { describe, expect, it } from 'vitest';
import { solveRequest, type BuildInputs, type BuildOutput } from '../../../src/build/solve-request.ts';

const plain: BuildInputs = {
  dockerfileName: 'Dockerfile',
  platforms: [],
  buildArgs: new Map(),
  labels: new Map(),
  pull: true,
  noCache: false,
  cacheFrom: [],
  cacheTo: [],
  attestations: [],
  addHosts: [],
  exporterAttrs: {},
  sandbox: { network: 'default', limits: [], entitlements: [] },
};

const everything: BuildInputs = {
  dockerfileName: 'docker/Dockerfile.prod',
  target: 'release',
  platforms: ['linux/amd64', 'linux/arm64/v8'],
  buildArgs: new Map([
    ['VERSION', '1.2.3'],
    ['HTTP_PROXY', 'http://proxy:3128'],
  ]),
  labels: new Map([['org.opencontainers.image.source', 'https://git.example/app']]),
  pull: false,
  noCache: true,
  cacheFrom: [{ type: 'registry', attrs: { ref: 'reg.example/app:cache' } }],
  cacheTo: [{ type: 'registry', attrs: { ref: 'reg.example/app:cache', mode: 'max', 'ignore-error': 'true' } }],
  addHosts: [
    { host: 'db', address: '10.0.0.2' },
    { host: 'six', address: '::1' },
    { host: 'gate', address: 'host-gateway' },
  ],
  sourceDateEpoch: 1700000000,
  exporterAttrs: {},
  attestations: [
    { type: 'provenance', attrs: { mode: 'max', 'builder-id': 'https://ci.example/1,2' }, required: true },
    { type: 'sbom', attrs: {}, required: false },
  ],
  sandbox: {
    network: 'host',
    shmSizeBytes: 128 * 1024 * 1024,
    limits: [
      { name: 'nofile', soft: 1024, hard: 2048 },
      { name: 'core', soft: -1, hard: -1 },
    ],
    controlGroup: '/builds',
    entitlements: ['security.insecure', 'network.host'],
  },
  frontendImage: 'docker/dockerfile:1',
  cacheMountNamespace: 'octo/app/trusted',
};

const outputs: Readonly<Record<string, BuildOutput>> = {
  'a dry run': { kind: 'nothing' },
  'a graph-driver store': { kind: 'temporary-image', name: 'docker-build.invalid/app:1-2' },
  'a containerd store': { kind: 'push-by-digest', repositories: ['reg.example/a', 'reg.example/b'], insecure: true },
  'a handed over image': { kind: 'archive' },
};

describe('solveRequest', () => {
  it.each(Object.entries(outputs))('for %s is what the golden file says', async (name, output) => {
    const requests = {
      plain: solveRequest(plain, output, undefined),
      everything: solveRequest(everything, output, '172.17.0.1'),
    };
    await expect(`${JSON.stringify(requests, null, 2)}\n`).toMatchFileSnapshot(
      `../../golden/solve-request.${name.replaceAll(' ', '-')}.json`,
    );
  });

  it('always resolves base images at the registry unless told otherwise', () => {
    const request = solveRequest(plain, { kind: 'nothing' }, undefined);
    expect(request.frontendAttrs['image-resolve-mode']).toBe('pull');
  });

  it('gives further attributes to exporters that take the image out of the daemon, and never lets them change its name', () => {
    const exporterAttrs = { 'rewrite-timestamp': 'true', name: 'reg.example/other', push: 'false' };
    const attrsFor = (output: BuildOutput) =>
      solveRequest({ ...plain, exporterAttrs }, output, undefined).exporters.map(({ attrs }) => attrs);
    expect(attrsFor({ kind: 'push-by-digest', repositories: ['reg.example/app'], insecure: false })).toEqual([
      { 'rewrite-timestamp': 'true', name: 'reg.example/app', push: 'true', 'push-by-digest': 'true', store: 'false' },
    ]);
    expect(attrsFor({ kind: 'temporary-image', name: 'docker-build.invalid/app:1-2' })).toEqual([
      { name: 'docker-build.invalid/app:1-2' },
    ]);
    expect(attrsFor({ kind: 'nothing' })).toEqual([]);
    const asked = { ...plain, exporterAttrs: { 'oci-mediatypes': 'true' } };
    expect(solveRequest(asked, { kind: 'archive' }, undefined).exporters).toEqual([
      { type: 'oci', attrs: { 'oci-mediatypes': 'true' } },
    ]);
  });

  it('asks the gateway for the frontend of the setting, or else of the build argument, with all that its line says', () => {
    const argument = new Map([['BUILDKIT_SYNTAX', ' docker/dockerfile:1-labs extra ']]);
    expect(solveRequest({ ...plain, buildArgs: argument }, { kind: 'nothing' }, undefined)).toMatchObject({
      frontend: 'gateway.v0',
      frontendAttrs: { source: 'docker/dockerfile:1-labs', cmdline: 'docker/dockerfile:1-labs extra' },
    });
    expect(
      solveRequest({ ...plain, buildArgs: argument, frontendImage: 'x/y:2' }, { kind: 'nothing' }, undefined),
    ).toMatchObject({ frontend: 'gateway.v0', frontendAttrs: { source: 'x/y:2', cmdline: 'x/y:2' } });
    expect(solveRequest(plain, { kind: 'nothing' }, undefined)).toMatchObject({ frontend: 'dockerfile.v0' });
  });

  it('lets a build argument say whose cache mounts are shared', () => {
    const namespaceOf = (inputs: BuildInputs) =>
      solveRequest(inputs, { kind: 'nothing' }, undefined).frontendAttrs['build-arg:BUILDKIT_CACHE_MOUNT_NS'];
    expect(namespaceOf(plain)).toBeUndefined();
    expect(namespaceOf({ ...plain, cacheMountNamespace: 'octo/app/pr' })).toBe('octo/app/pr');
    const buildArgs = new Map([['BUILDKIT_CACHE_MOUNT_NS', 'mine']]);
    expect(namespaceOf({ ...plain, cacheMountNamespace: 'octo/app/pr', buildArgs })).toBe('mine');
  });

  it('never names an exporter output with a tag of the target repository', () => {
    const output: BuildOutput = { kind: 'push-by-digest', repositories: ['reg.example:5000/app'], insecure: false };
    expect(solveRequest(plain, output, undefined).exporters[0]?.attrs).toEqual({
      name: 'reg.example:5000/app',
      push: 'true',
      'push-by-digest': 'true',
      store: 'false',
    });
  });
});
