// The folder of a local cache: what is written is found again by digest and tag, and links in it lead nowhere.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Digest, sha256 } from '../../../src/base/digest.ts';
import { ContentFolder } from '../../../src/buildkit/content-folder.ts';

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'content-')));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const manifestType = 'application/vnd.oci.image.index.v1+json';
const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, manifests: [] }));

async function put(folder: ContentFolder, bytes: Buffer, expected: Digest = sha256(bytes)): Promise<Digest> {
  const blob = await folder.begin();
  try {
    await blob.append(bytes);
    return await blob.commit(expected);
  } finally {
    await blob.abandon();
  }
}

async function readAll(folder: ContentFolder, digest: Digest, offset: number, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of folder.read(digest, offset, maxBytes)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

describe('a folder of blobs', () => {
  it('gives back what was written, from any offset', async () => {
    const folder = new ContentFolder(join(root, 'new/cache'));
    const digest = await put(folder, Buffer.from('hello blobs'));
    expect(await folder.size(digest)).toBe(11);
    expect(await readAll(folder, digest, 0, 100)).toBe('hello blobs');
    expect(await readAll(folder, digest, 6, 3)).toBe('blo');
    expect(await folder.size(sha256(Buffer.from('other')))).toBeUndefined();
    expect(readdirSync(join(root, 'new/cache/ingest'))).toEqual([]);
  });

  it('keeps nothing of a blob that is not the announced one, or that ends early', async () => {
    const folder = new ContentFolder(root);
    await expect(put(folder, Buffer.from('a'), sha256(Buffer.from('b')))).rejects.toThrow('came in the place of');
    const early = await folder.begin();
    await early.append(Buffer.from('half'));
    await early.abandon();
    expect(readdirSync(join(root, 'ingest'))).toEqual([]);
    expect(readdirSync(join(root, 'blobs/sha256'))).toEqual([]);
  });

  it('finds a manifest by the tag that it got, beside other tags', async () => {
    const folder = new ContentFolder(root);
    expect(await folder.find('latest')).toBeUndefined();
    const digest = await put(folder, manifest);
    expect(await folder.tagLatest('one')).toBe(true);
    expect(await folder.tagLatest('latest')).toBe(true);
    expect(await folder.tagLatest('latest')).toBe(true);
    const later = new ContentFolder(root);
    expect(await later.find('latest')).toBe(digest);
    expect(await later.find('one')).toBe(digest);
    expect(await later.find('two')).toBeUndefined();
    const index = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8')) as { manifests: unknown[] };
    expect(index.manifests).toHaveLength(2);
    expect(JSON.parse(readFileSync(join(root, 'oci-layout'), 'utf8'))).toEqual({ imageLayoutVersion: '1.0.0' });
  });

  it('gives no tag to a layer, which is what an export that broke off has written last', async () => {
    const folder = new ContentFolder(root);
    expect(await folder.tagLatest('latest')).toBe(false);
    await put(folder, manifest);
    await put(folder, Buffer.from('{"a layer": true}'));
    expect(await folder.tagLatest('latest')).toBe(false);
    expect(await folder.find('latest')).toBeUndefined();
  });

  it('follows no links', async () => {
    const secret = join(root, 'secret');
    writeFileSync(secret, 'the secret');
    const cache = join(root, 'cache');
    const digest = sha256(Buffer.from('x'));
    mkdirSync(join(cache, 'blobs/sha256'), { recursive: true });
    symlinkSync(secret, join(cache, 'blobs/sha256', digest.slice('sha256:'.length)));
    symlinkSync(secret, join(cache, 'index.json'));
    const folder = new ContentFolder(cache);
    expect(await folder.size(digest)).toBeUndefined();
    await expect(readAll(folder, digest, 0, 100)).rejects.toThrow('ELOOP');
    expect(await folder.find('latest')).toBeUndefined();
    await put(folder, manifest);
    expect(await folder.tagLatest('latest')).toBe(true);
    expect(readFileSync(secret, 'utf8')).toBe('the secret');
  });

  it('is not written through a link', async () => {
    const elsewhere = join(root, 'elsewhere');
    const cache = join(root, 'cache');
    mkdirSync(elsewhere);
    mkdirSync(join(cache, 'blobs'), { recursive: true });
    symlinkSync(elsewhere, join(cache, 'blobs/sha256'));
    await expect(new ContentFolder(cache).begin()).rejects.toThrow('has links');
    expect(readdirSync(elsewhere)).toEqual([]);
  });
});
