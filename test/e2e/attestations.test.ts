// What an image says about itself beside its layers: annotations of its manifests, and attestations. Read back as the registry
// has them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistryWithBase } from '../support/base-image.ts';
import type { EngineKind } from '../support/engines.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readManifest } from '../support/skopeo.ts';
import { makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
});

afterAll(async () => {
  await registry.stop();
});

interface Descriptor {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

function build(kind: EngineKind, settings: PluginStep['settings'], Dockerfile = `FROM ${base}\nRUN echo one >/one\n`) {
  return runPlugin({
    cwd: makeWorkspace({ Dockerfile }),
    host: sharedEngine(kind).host,
    settings: { tags: '1', ...settings },
  });
}

/** The documents about an image: what its attestation manifests hold, by kind. */
async function readAttestations(repo: string): Promise<ReadonlyMap<string, unknown>> {
  const { document } = await readManifest({ reference: `${repo}:1` });
  const found = new Map<string, unknown>();
  for (const { digest, annotations } of document['manifests'] as readonly Descriptor[]) {
    if (annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest') continue;
    const manifest = await readManifest({ reference: `${repo}@${digest}` });
    for (const layer of manifest.document['layers'] as readonly Descriptor[]) {
      const answer = await fetch(`http://${repo.replace('/', '/v2/')}/blobs/${layer.digest}`);
      found.set(layer.annotations?.['in-toto.io/predicate-type'] ?? '', await answer.json());
    }
  }
  return found;
}

describe('the containerd image store', () => {
  const kind = 'docker-26.1-containerd';

  it('attests how one platform was made, in an index under the tag, without build arguments', async () => {
    const repo = `${registry.host}/attested/min`;
    const step = await build(kind, { repo, provenance: true, build_args: 'WORD=of-the-build' });
    expectExit(step, 0);
    const { document, digest } = await readManifest({ reference: `${repo}:1` });
    expect(step.output).toContain(digest);
    const manifests = document['manifests'] as readonly Descriptor[];
    expect(manifests.map(({ platform }) => `${platform?.os}/${platform?.architecture}`)).toEqual([
      'linux/amd64',
      'unknown/unknown',
    ]);
    const found = await readAttestations(repo);
    expect([...found.keys()]).toEqual([expect.stringContaining('slsa.dev/provenance')]);
    expect(JSON.stringify([...found.values()])).not.toContain('of-the-build');
  });

  it('attests everything with mode=max, and warns of the build arguments', async () => {
    const repo = `${registry.host}/attested/max`;
    const settings = { attests: 'type=provenance,mode=max,builder-id=https://ci.example/7' };
    const step = await build(kind, { repo, ...settings, build_args: 'WORD=of-the-build' });
    expectExit(step, 0);
    expect(step.output).toMatch(/warning: settings\.provenance: mode=max publishes .*build arguments/);
    const text = JSON.stringify([...(await readAttestations(repo)).values()]);
    expect(text).toContain('of-the-build');
    expect(text).toContain('https://ci.example/7');
  });

  it('lists the content of the image by the scanner of the step', async () => {
    const scanner = `${registry.host}/scanner`;
    const document =
      '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{"name":"seen by the test"}}';
    const entrypoint = JSON.stringify(['sh', '-c', `echo '${document}' >"$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json"`]);
    expectExit(await build(kind, { repo: scanner }, `FROM ${base}\nENTRYPOINT ${entrypoint}\n`), 0);
    const repo = `${registry.host}/attested/sbom`;
    const step = await build(kind, { repo, sbom: `generator=${scanner}:1` });
    expectExit(step, 0);
    const found = await readAttestations(repo);
    expect(found.get('https://spdx.dev/Document')).toMatchObject({ predicate: { name: 'seen by the test' } });
  });

  it('annotates manifests and the index of two platforms', async () => {
    const repo = `${registry.host}/annotated/two`;
    const annotations = [
      'org.example.all=every manifest, with a comma',
      'manifest[linux/arm64]:org.example.arm=only arm',
      'index:org.example.index=the index',
      'index,manifest:org.example.both=both',
    ];
    const step = await build(
      kind,
      { repo, platform: ['linux/amd64', 'linux/arm64'], annotations: annotations.join('\n') },
      'FROM scratch\nCOPY Dockerfile /\n',
    );
    expectExit(step, 0);
    const { document } = await readManifest({ reference: `${repo}:1` });
    expect(document['annotations']).toMatchObject({ 'org.example.index': 'the index', 'org.example.both': 'both' });
    const read = async (architecture: string) => {
      const manifests = document['manifests'] as readonly Descriptor[];
      const child = manifests.find(({ platform }) => platform?.architecture === architecture);
      return (await readManifest({ reference: `${repo}@${child?.digest}` })).document['annotations'];
    };
    expect(await read('amd64')).toEqual({
      'org.example.all': 'every manifest, with a comma',
      'org.example.both': 'both',
    });
    expect(await read('arm64')).toEqual({
      'org.example.all': 'every manifest, with a comma',
      'org.example.arm': 'only arm',
      'org.example.both': 'both',
    });
  });
});

describe.each(['docker-20.10', 'docker-26.1-graphdriver'] as const)('%s', (kind) => {
  it('builds without attestations that were only switched on, with one warning', async () => {
    const repo = `${registry.host}/${kind}/plain`;
    const step = await build(kind, { repo, provenance: true, sbom: true });
    expectExit(step, 0);
    const warnings = step.output.split('\n').filter((line) => line.startsWith('warning:'));
    expect(warnings).toEqual([expect.stringMatching(/settings\.provenance, sbom: .*containerd-snapshotter/)]);
    expect((await readManifest({ reference: `${repo}:1` })).document).toHaveProperty('config');
  });

  it('does not build without attestations that were spelled out', async () => {
    const repo = `${registry.host}/${kind}/spelled-out`;
    const step = await build(kind, { repo, provenance: 'mode=min' });
    expectExit(step, 2);
    expect(step.output).toMatch(/error: settings\.provenance: .*graph-driver/);
    expect(await listTags({ reference: repo })).toEqual([]);
  });
});

describe.each(['docker-20.10', 'docker-26.1-graphdriver', 'docker-26.1-containerd'] as const)('%s', (kind) => {
  it('annotates the manifest of an image, and gives the same digest again', async () => {
    const repo = `${registry.host}/${kind}/annotated`;
    const annotations = 'org.example.title=One, two;manifest[linux/amd64]:org.example.here=yes';
    const settings = { repo, annotations, auto_label: false };
    const step = await build(kind, settings);
    expectExit(step, 0);
    const { document, digest } = await readManifest({ reference: `${repo}:1` });
    expect(document).toMatchObject({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      annotations: { 'org.example.title': 'One, two', 'org.example.here': 'yes' },
    });
    expectExit(await build(kind, { ...settings, tags: '2' }), 0);
    expect((await readManifest({ reference: `${repo}:2` })).digest).toBe(digest);
    expectExit(await build(kind, { ...settings, annotations: 'org.example.title=Other' }), 0);
    expect((await readManifest({ reference: `${repo}:1` })).document['annotations']).toEqual({
      'org.example.title': 'Other',
    });
  });

  it('refuses annotations of what the image will not have', async () => {
    const repo = `${registry.host}/${kind}/impossible`;
    const index = await build(kind, { repo, annotations: 'index:org.example.a=b' });
    expectExit(index, 2);
    expect(index.output).toMatch(/error: settings\.annotations: index: .*no index/);
    const elsewhere = await build(kind, { repo, annotations: 'manifest[linux/s390x]:org.example.a=b' });
    expectExit(elsewhere, 2);
    expect(elsewhere.output).toMatch(/error: settings\.annotations: manifest\[linux\/s390x\]: .*linux\/amd64/);
    expect(await listTags({ reference: repo })).toEqual([]);
  });
});
