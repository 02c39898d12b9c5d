// What refers to an image travels with it on request: what the registry lists, what cosign keeps under tags, and what refers to
// that in turn.
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/base/digest.ts';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { copyImage } from '../../../src/publish/copy-image.ts';
import type { ImageSource } from '../../../src/publish/image-source.ts';
import type { Manifest } from '../../../src/publish/target.ts';
import { indexIn } from './memory-image.ts';
import { digestOf, manifestOf, MemoryRepository } from './memory-repository.ts';

const { signal } = new AbortController();
const type = 'application/vnd.oci.image.manifest.v1+json';

/** A manifest with one blob of its own, put there without a request. */
function artifactIn(repository: MemoryRepository, text: string, subject?: Manifest): Manifest {
  const [config, blob] = ['{}', text].map((content) => {
    const bytes = Buffer.from(content);
    repository.blobs.set(digestOf(bytes), bytes);
    return { mediaType: 'text/plain', digest: digestOf(bytes), size: bytes.length };
  });
  const about =
    subject === undefined ? {} : { subject: { mediaType: subject.mediaType, digest: subject.digest, size: 1 } };
  const manifest = manifestOf({ config, layers: [blob], ...about }, type);
  repository.manifests.set(manifest.digest, manifest);
  return manifest;
}

const cosignTag = (digest: Digest, suffix: string): string => `${digest.replace(':', '-')}.${suffix}`;

interface Referred {
  readonly source: MemoryRepository;
  readonly root: Manifest;
  readonly sbom: Manifest;
  readonly signatureOfSbom: Manifest;
  readonly signature: Manifest;
}

/** An index; an SBOM of its first image, which is signed; and a signature of cosign's. */
function referredImage(): Referred {
  const source = new MemoryRepository('one.test/app');
  const { root, children } = indexIn(source);
  const [first = ''] = children;
  const image = source.manifests.get(first);
  if (image === undefined) throw new Error('no image');
  const sbom = artifactIn(source, 'sbom', image);
  const signatureOfSbom = artifactIn(source, 'signature of sbom', sbom);
  const signature = artifactIn(source, 'signature');
  source.seed(cosignTag(root.digest, 'sig'), signature);
  return { source, root, sbom, signatureOfSbom, signature };
}

async function promote(
  { source, root }: Pick<Referred, 'source' | 'root'>,
  target: MemoryRepository,
  referrers = true,
  others: readonly MemoryRepository[] = [],
): Promise<readonly string[]> {
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (line: string) => void warnings.push(line), debug: () => undefined };
  const from: ImageSource = {
    name: source.name,
    isMountable: true,
    getManifest: ({ digest }) => source.getManifest(digest),
    openBlob: ({ digest }) => Readable.from([source.blobs.get(digest)], { objectMode: false }),
    listReferrers: (subject) => source.listReferrers(subject),
    getTagged: (tag) => source.getManifest(tag),
  };
  const targets = [target, ...others].map((repository) => ({ repository, tags: ['1'] }));
  const patience = { tries: 1, waitMs: 1 };
  await copyImage({ source: from, root, targets, log, onLayer: () => undefined, referrers, patience }, signal);
  return warnings;
}

const puts = ({ requests }: MemoryRepository): readonly string[] =>
  requests.filter((request) => request.startsWith('PUT') || request.startsWith('ensure'));

describe('referrers: true', () => {
  it('copies what refers to the image, its children and what refers to those, with blobs and tags', async () => {
    const referred = referredImage();
    const { root, sbom, signatureOfSbom, signature } = referred;
    const target = new MemoryRepository('two.test/app');
    expect(await promote(referred, target)).toEqual([]);
    for (const { digest } of [root, sbom, signatureOfSbom, signature]) expect(target.manifests.has(digest)).toBe(true);
    expect([...target.blobs.keys()].sort()).toEqual([...referred.source.blobs.keys()].sort());
    expect(Object.fromEntries(target.tags)).toEqual({
      '1': root.digest,
      [cosignTag(root.digest, 'sig')]: signature.digest,
    });
    const order = target.requests.filter((request) => request.startsWith('PUT'));
    // The image is there before what refers to it, and its tag moves when all of that is there.
    expect(order.at(-1)).toBe('PUT 1');
  });

  it('does nothing when all of it is there', async () => {
    const referred = referredImage();
    const target = new MemoryRepository('two.test/app');
    await promote(referred, target);
    target.requests.length = 0;
    expect(await promote(referred, target)).toEqual([]);
    expect(puts(target)).toEqual([]);
  });

  it('enters what is there and not in the list', async () => {
    const referred = referredImage();
    const target = new MemoryRepository('two.test/app');
    await promote(referred, target);
    target.unlisted.add(referred.sbom.digest);
    await promote(referred, target);
    expect(target.unlisted.size).toBe(0);
  });

  it('leaves signatures that others have put at the target, and says so', async () => {
    const referred = referredImage();
    const target = new MemoryRepository('two.test/app');
    const tag = cosignTag(referred.root.digest, 'sig');
    const own = artifactIn(target, 'signed here');
    target.seed(tag, own);
    expect(await promote(referred, target)).toEqual([expect.stringContaining('has others under the tag sha256-')]);
    expect(target.tags.get(tag)).toBe(own.digest);
  });

  it('says nothing of a list at the target that has these signatures and more', async () => {
    const referred = referredImage();
    const target = new MemoryRepository('two.test/app');
    const { layers, config } = JSON.parse(Buffer.from(referred.signature.bytes).toString()) as Record<string, object[]>;
    const more = manifestOf({ config, layers: [...(layers ?? []), { digest: 'more' }] }, type);
    target.seed(cosignTag(referred.root.digest, 'sig'), more);
    expect(await promote(referred, target)).toEqual([]);
  });

  it('leaves out what the list of the source names and the source has lost', async () => {
    const referred = referredImage();
    const lost = referred.sbom.digest;
    const { source } = referred;
    const listed = await source.listReferrers(
      JSON.parse(Buffer.from(referred.sbom.bytes).toString()).subject.digest as Digest,
    );
    source.listReferrers = () => Promise.resolve(listed);
    source.manifests.delete(lost);
    const target = new MemoryRepository('two.test/app');
    const warnings = await promote(referred, target);
    expect(warnings[0]).toContain(`${lost}, which is said to refer to`);
    expect(target.tags.get('1')).toBe(referred.root.digest);
  });

  it('sets no tag at all when one of the targets cannot get it', async () => {
    const referred = referredImage();
    const [target, full] = [new MemoryRepository('two.test/app'), new MemoryRepository('two.test/other')];
    const blob = digestOf(Buffer.from('signature of sbom'));
    full.fault = (request) => (request.startsWith(`ensure ${blob}`) ? new Error('full') : undefined);
    await expect(promote(referred, target, true, [full])).rejects.toThrow('full');
    expect([...target.tags.keys(), ...full.tags.keys()]).toEqual([]);
  });

  it('names the tags of cosign that were set when the image cannot be tagged', async () => {
    const referred = referredImage();
    const target = new MemoryRepository('two.test/app');
    target.fault = (request) =>
      request === 'PUT 1' ? new PluginError({ code: 'denied', exitCode: 3, message: 'no' }) : undefined;
    await expect(promote(referred, target)).rejects.toMatchObject({
      exitCode: 3,
      details: [
        'state: two.test/app:1 absent → absent, not-moved',
        expect.stringMatching(/^state: two.test\/app:sha256-\w+\.sig absent → sha256:\w+, created$/),
      ],
    });
  });

  it('goes on where a tag of cosign may not be set', async () => {
    const referred = referredImage();
    const target = new MemoryRepository('two.test/app');
    target.fault = (request) =>
      request.endsWith('.sig') && request.startsWith('PUT')
        ? new PluginError({ code: 'tag-immutable', exitCode: 4, message: 'immutable' })
        : undefined;
    expect(await promote(referred, target)).toEqual([expect.stringContaining('does not take the tag')]);
    expect(target.tags.get('1')).toBe(referred.root.digest);
  });
});

it('referrers: false copies none of it, and asks for none', async () => {
  const referred = referredImage();
  const target = new MemoryRepository('two.test/app');
  await promote(referred, target, false);
  expect(target.manifests.has(referred.sbom.digest)).toBe(false);
  expect([...target.tags.keys()]).toEqual(['1']);
  expect(referred.source.requests.filter((request) => /LIST|\.sig/.test(request))).toEqual([]);
});
