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
  addHosts: [],
  exporterAttrs: {},
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
  addHosts: [
    { host: 'db', address: '10.0.0.2' },
    { host: 'six', address: '::1' },
    { host: 'gate', address: 'host-gateway' },
  ],
  sourceDateEpoch: 1700000000,
  exporterAttrs: {},
};

const outputs: Readonly<Record<string, BuildOutput>> = {
  'a dry run': { kind: 'nothing' },
  'a graph-driver store': { kind: 'temporary-image', name: 'docker-build.invalid/app:1-2' },
  'a containerd store': { kind: 'push-by-digest', repositories: ['reg.example/a', 'reg.example/b'], insecure: true },
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
