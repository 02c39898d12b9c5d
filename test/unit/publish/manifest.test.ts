import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/base/digest.ts';
import { usualFormat } from '../../../src/publish/image-format.ts';
import { parseManifest, readAnnotations, readDiffIds, writeManifest } from '../../../src/publish/manifest.ts';
import { manifestOf } from './memory-repository.ts';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;

describe('the manifest that is written', () => {
  it('has these very bytes', () => {
    const manifest = writeManifest(usualFormat, { digest: digest('a'), sizeBytes: 1500 }, [
      { digest: digest('b'), sizeBytes: 30 },
      { digest: digest('c'), sizeBytes: 40 },
    ]);
    expect(Buffer.from(manifest.bytes).toString()).toBe(
      '{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",' +
        `"config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":1500,"digest":"${digest('a')}"},` +
        `"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":30,"digest":"${digest('b')}"},` +
        `{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":40,"digest":"${digest('c')}"}]}`,
    );
    expect(manifest.digest).toBe('sha256:8baacb91f3259aa661aa3b1427b48a8cc7bbefcf77981231dbddf3845c94fb56');
  });

  it('has annotations in one order, when it is to have some', () => {
    const config = { digest: digest('a'), sizeBytes: 2 };
    const oci = { ...usualFormat, family: 'oci' } as const;
    const write = (annotations: Readonly<Record<string, string>>) => writeManifest({ ...oci, annotations }, config, []);
    const manifest = write({ b: '2', a: '1' });
    expect(Buffer.from(manifest.bytes).toString()).toMatch(/,"layers":\[\],"annotations":\{"a":"1","b":"2"\}\}$/);
    expect(write({ a: '1', b: '2' }).digest).toBe(manifest.digest);
    expect(readAnnotations(manifest)).toEqual({ a: '1', b: '2' });
    expect(write({}).digest).toBe(writeManifest(oci, config, []).digest);
    expect(readAnnotations(write({}))).toEqual({});
  });

  it('takes no more than digest and size from what it is given', () => {
    const layer = { digest: digest('b'), sizeBytes: 30 };
    const config = { digest: digest('a'), sizeBytes: 2 };
    const plain = writeManifest(usualFormat, config, [layer]);
    const adornedLayer = { annotations: {}, ...layer };
    const adorned = writeManifest(usualFormat, Object.assign({ extra: 1 }, config), [adornedLayer]);
    expect(adorned.digest).toBe(plain.digest);
  });
});

describe('a manifest that is read', () => {
  const descriptor = (letter: string) => ({ mediaType: 'x', digest: digest(letter), size: 1 });

  it('is an image with config and layers', () => {
    const parsed = parseManifest(manifestOf({ config: descriptor('a'), layers: [descriptor('b')] }));
    expect(parsed).toEqual({
      kind: 'image',
      config: { mediaType: 'x', digest: digest('a'), sizeBytes: 1, annotations: {} },
      layers: [{ mediaType: 'x', digest: digest('b'), sizeBytes: 1, annotations: {} }],
    });
  });

  it('is an index with the platforms of its children', () => {
    const platform = { os: 'linux', architecture: 'arm64', variant: 'v8', 'os.version': 7 };
    const parsed = parseManifest(
      manifestOf({ manifests: [{ ...descriptor('a'), platform }] }, 'application/vnd.oci.image.index.v1+json'),
    );
    expect(parsed).toMatchObject({
      kind: 'index',
      children: [{ platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }],
    });
  });

  it.each([
    ['another media type', manifestOf({ config: descriptor('a'), layers: [] }, 'application/json')],
    ['no layers', manifestOf({ config: descriptor('a') })],
    ['a layer without a size', manifestOf({ config: descriptor('a'), layers: [{ ...descriptor('b'), size: '1' }] })],
    ['a negative size', manifestOf({ config: { ...descriptor('a'), size: -1 }, layers: [] })],
    ['a digest that is none', manifestOf({ config: { ...descriptor('a'), digest: 'sha256:x' }, layers: [] })],
    ['no JSON object', manifestOf('text')],
  ])('is nothing with %s', (_, manifest) => {
    expect(parseManifest(manifest)).toBeUndefined();
  });
});

describe('the diffIDs of a config', () => {
  it.each([
    [{ rootfs: { type: 'layers', diff_ids: [digest('a'), digest('b')] } }, [digest('a'), digest('b')]],
    [{ rootfs: { diff_ids: [] } }, []],
    [{ rootfs: { diff_ids: ['nonsense'] } }, undefined],
    [{ rootfs: {} }, undefined],
    [[], undefined],
  ])('are read from %j', (config, expected) => {
    expect(readDiffIds(Buffer.from(JSON.stringify(config)))).toEqual(expected);
  });
});
