// The documents of archives, and the two places that layouts are written to.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { FolderSink, TarSink } from '../../../src/output/image-sink.ts';
import { blobName, layoutDocuments } from '../../../src/output/oci-documents.ts';
import { unpackLayout } from '../../../src/output/unpack-layout.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'layout-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const config = { digest: sha256(Buffer.from('config')), sizeBytes: 6 };
const layer = { digest: sha256(Buffer.from('layer')), sizeBytes: 5 };

function documents(format: 'oci' | 'docker', names: readonly string[]): ReadonlyMap<string, unknown> {
  const made = layoutDocuments(format, config, [layer, layer], names);
  return new Map(made.documents.map(({ name, bytes }) => [name, JSON.parse(bytes.toString('utf8')) as unknown]));
}

async function* bytes(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

async function* bytesOf(whole: Buffer): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(whole);
}

describe('the documents of an archive', () => {
  it('name the image as docker load and OCI readers look for it', () => {
    const made = documents('docker', ['docker.io/library/app:1', 'reg.example:5000/team/app:2']);
    expect(made.get('manifest.json')).toEqual([
      {
        Config: blobName(config.digest),
        RepoTags: ['app:1', 'reg.example:5000/team/app:2'],
        Layers: [blobName(layer.digest), blobName(layer.digest)],
      },
    ]);
    expect(made.get('index.json')).toMatchObject({
      manifests: [
        {
          annotations: {
            'io.containerd.image.name': 'docker.io/library/app:1',
            'org.opencontainers.image.ref.name': '1',
          },
        },
        { annotations: { 'org.opencontainers.image.ref.name': '2' } },
      ],
    });
  });

  it('name nothing without names, and leave manifest.json to archives of type docker', () => {
    expect(documents('docker', []).get('manifest.json')).toMatchObject([{ RepoTags: null }]);
    const oci = documents('oci', []);
    expect([...oci.keys()].filter((name) => !name.startsWith('blobs/'))).toEqual(['oci-layout', 'index.json']);
    expect(JSON.stringify(oci.get('index.json'))).not.toContain('annotations');
  });

  it('hold a manifest of uncompressed layers under its own digest', () => {
    const { digest, documents: made } = layoutDocuments('oci', config, [layer], []);
    const manifest = made.find(({ name }) => name === blobName(digest));
    expect(sha256(manifest?.bytes ?? Buffer.alloc(0))).toBe(digest);
    expect(JSON.parse(String(manifest?.bytes))).toMatchObject({
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer.digest, size: 5 }],
    });
  });
});

describe('a tar file', () => {
  it('is the same for the same parts', async () => {
    for (const name of ['one', 'two']) {
      const sink = new TarSink(join(folder, name));
      await sink.add('oci-layout', 4, bytes('{', '  ', '}'));
      await sink.end();
    }
    expect(readFileSync(join(folder, 'one')).equals(readFileSync(join(folder, 'two')))).toBe(true);
    expect(execFileSync('tar', ['-xOf', join(folder, 'one')], { encoding: 'utf8' })).toBe('{  }');
  });

  it('fails with the error of the disk, or with what reading the content has thrown', async () => {
    writeFileSync(join(folder, 'there'), '');
    const sink = new TarSink(join(folder, 'there'));
    await expect(sink.add('x', 1, bytes('x')).then(() => sink.end())).rejects.toMatchObject({ code: 'EEXIST' });
    const other = new TarSink(join(folder, 'other'));
    async function* torn(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('x'));
      throw new Error('the daemon went away');
    }
    await expect(other.add('x', 2, torn())).rejects.toThrow('the daemon went away');
    await other.abandon();
  });
});

describe('a layout that comes as a tar', () => {
  async function unpack(
    entries: readonly { name: string; text?: string; type?: 'directory' | 'symlink' }[],
  ): Promise<void> {
    const tar = pack();
    for (const { name, text = '', type = 'file' } of entries) {
      if (type === 'file') tar.entry({ name }, text);
      else tar.entry({ name, type, ...(type === 'symlink' ? { linkname: '/etc/passwd' } : {}) });
    }
    tar.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of tar) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    await unpackLayout(bytesOf(Buffer.concat(chunks)), new FolderSink(join(folder, 'out')));
  }
  const blob = { name: blobName(layer.digest), text: 'layer' };

  it('is taken apart', async () => {
    mkdirSync(join(folder, 'out'));
    const rest = [{ name: 'manifest.json' }, { name: 'oci-layout', text: 'o' }, { name: 'index.json', text: 'i' }];
    await unpack([{ name: 'blobs/', type: 'directory' }, blob, ...rest]);
    expect(readFileSync(join(folder, 'out', blob.name), 'utf8')).toBe('layer');
    expect(readFileSync(join(folder, 'out/index.json'), 'utf8')).toBe('i');
    expect(existsSync(join(folder, 'out/manifest.json'))).toBe(false);
  });

  it.each([
    ['a path out', { name: '../evil', text: 'x' }],
    ['an absolute path', { name: '/evil', text: 'x' }],
    ['another name', { name: 'blobs/sha256/short', text: 'x' }],
    ['a link', { name: 'index.json.bak', type: 'symlink' as const }],
    ['a blob of other bytes', { ...blob, text: 'other' }],
  ])('is refused with %s', async (_, entry) => {
    mkdirSync(join(folder, 'out'));
    await expect(unpack([entry])).rejects.toMatchObject({ exitCode: 7, code: 'export-damaged' });
    expect(existsSync(join(folder, 'evil'))).toBe(false);
  });
});
