// The base image of the tests: busybox, and the OpenSSH programs that an ssh mount is tried with. It is published to a test
// registry by skopeo and never imported into an engine: the plugin asks the registry for bases, as it does in real life.
import { startRegistry, type TestRegistry } from './registry.ts';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pushFolder, type RemoteImage } from './skopeo.ts';

const programs = ['/usr/bin/ssh-add', '/usr/bin/ssh-keygen'];
const copyWithLibraries = join(import.meta.dirname, '..', '..', 'scripts', 'copy-with-libraries.js');

/** Publishes the base image under `image.reference`. */
export async function publishBaseImage(image: RemoteImage): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'docker-build-test-'));
  try {
    makeRoot(join(folder, 'root'));
    await pushFolder(packRoot(folder), image);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function makeRoot(root: string): void {
  for (const path of ['bin', 'etc', 'root', 'tmp']) mkdirSync(join(root, path), { recursive: true });
  const busybox = join(root, 'bin', 'busybox');
  copyFileSync('/bin/busybox', busybox);
  for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
  }
  writeFileSync(
    join(root, 'etc', 'passwd'),
    'root:x:0:0:root:/root:/bin/sh\nbuilder:x:1000:1000:builder:/tmp:/bin/sh\n',
  );
  writeFileSync(join(root, 'etc', 'group'), 'root:x:0:\nbuilder:x:1000:\n');
  execFileSync(process.execPath, [copyWithLibraries, root, ...programs]);
}

/** One layer, one config, one manifest, in the layout that skopeo calls `dir:`. */
function packRoot(folder: string): string {
  const out = join(folder, 'packed');
  mkdirSync(out);
  const tar = join(folder, 'layer.tar');
  const plain = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  execFileSync('tar', [...plain, '-cf', tar, '-C', join(folder, 'root'), '.']);
  const layer = readFileSync(tar);
  const packed = gzipSync(layer, { level: 1 });
  const config = Buffer.from(
    JSON.stringify({
      architecture: { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: { Env: ['PATH=/bin:/usr/bin'], Cmd: ['/bin/sh'] },
      rootfs: { type: 'layers', diff_ids: [sha256(layer)] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'test base' }],
    }),
  );
  const kind = 'application/vnd.docker';
  const manifest = {
    schemaVersion: 2,
    mediaType: `${kind}.distribution.manifest.v2+json`,
    config: { mediaType: `${kind}.container.image.v1+json`, size: config.length, digest: sha256(config) },
    layers: [{ mediaType: `${kind}.image.rootfs.diff.tar.gzip`, size: packed.length, digest: sha256(packed) }],
  };
  writeFileSync(join(out, 'version'), 'Directory Transport Version: 1.1\n');
  writeFileSync(join(out, 'manifest.json'), JSON.stringify(manifest));
  for (const blob of [config, packed]) writeFileSync(join(out, sha256(blob).replace('sha256:', '')), blob);
  return out;
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** An open registry with a base image in it. Stop the registry at the end. */
export async function startRegistryWithBase(): Promise<{ readonly registry: TestRegistry; readonly base: string }> {
  const registry = await startRegistry({ auth: 'open' });
  const base = `${registry.host}/base:1`;
  await publishBaseImage({ reference: base });
  return { registry, base };
}
