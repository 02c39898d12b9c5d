// skopeo as the independent witness: it shares no code with the plugin, so what it pulls is what the registry really has.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** An image in a registry on loopback, and the login that may read or write it. */
export interface RemoteImage {
  /** `127.0.0.1:port/name:tag` or `...@sha256:...` */
  readonly reference: string;
  readonly login?: { readonly username: string; readonly password: string };
}

export interface RemoteManifest {
  readonly digest: string;
  readonly mediaType: string;
  /** The parsed document; `digest` is that of the bytes. */
  readonly document: Readonly<Record<string, unknown>>;
}

async function skopeo(...args: readonly string[]): Promise<string> {
  const { stdout } = await execute('skopeo', [...args], { maxBuffer: 16 * 1024 * 1024, encoding: 'buffer' });
  return stdout.toString('utf8');
}

/** `src` or `dest` for copies, nothing for the other commands. */
function flags(image: RemoteImage, side: '' | 'src-' | 'dest-'): readonly string[] {
  const { login } = image;
  return [
    `--${side}tls-verify=false`,
    ...(login === undefined ? [] : [`--${side}creds=${login.username}:${login.password}`]),
  ];
}

/** The manifest or index under a tag, exactly as the registry has it. */
export async function readManifest(image: RemoteImage): Promise<RemoteManifest> {
  const raw = await skopeo('inspect', '--raw', ...flags(image, ''), `docker://${image.reference}`);
  const document = JSON.parse(raw) as Record<string, unknown>;
  const digest = `sha256:${createHash('sha256').update(raw).digest('hex')}`;
  return { digest, mediaType: String(document['mediaType']), document };
}

/** The image's config: `Env`, `Cmd` and `Labels` are in its `config`. */
export async function readConfig(image: RemoteImage): Promise<Readonly<Record<string, unknown>>> {
  const raw = await skopeo('inspect', '--config', '--raw', ...flags(image, ''), `docker://${image.reference}`);
  return JSON.parse(raw) as Record<string, unknown>;
}

/** All tags of a repository, sorted; empty for a repository that does not exist. */
export async function listTags(repository: RemoteImage): Promise<readonly string[]> {
  try {
    const listed = await skopeo('list-tags', ...flags(repository, ''), `docker://${repository.reference}`);
    const { Tags: tags } = JSON.parse(listed) as { Tags: string[] };
    return tags.sort();
  } catch (error) {
    if (/name unknown|not found/i.test(String(error))) return [];
    throw error;
  }
}

/** Pulls an image, checks every blob's digest, and lays its layers over one another in `folder`. */
export async function unpackImage(image: RemoteImage, folder: string, platform = 'linux/amd64'): Promise<string> {
  const [os, architecture] = platform.split('/');
  const pulled = join(folder, 'pulled');
  const root = join(folder, 'root');
  mkdirSync(root, { recursive: true });
  await skopeo(
    `--override-os=${os}`,
    `--override-arch=${architecture}`,
    'copy',
    '--quiet',
    ...flags(image, 'src-'),
    `docker://${image.reference}`,
    `dir:${pulled}`,
  );
  const manifest = JSON.parse(readFileSync(join(pulled, 'manifest.json'), 'utf8')) as { layers: { digest: string }[] };
  for (const { digest } of manifest.layers) {
    await execute('tar', ['-xf', join(pulled, digest.replace('sha256:', '')), '-C', root]);
  }
  return root;
}

/** Pushes an image in skopeo's `dir:` layout. */
export async function pushFolder(folder: string, image: RemoteImage): Promise<void> {
  await skopeo('copy', '--quiet', ...flags(image, 'dest-'), `dir:${folder}`, `docker://${image.reference}`);
}

/** What skopeo reads of an image in files: `docker-archive:x.tar`, `oci-archive:x.tar[:tag]`, `oci:folder[:tag]`. */
export async function inspectFiles(
  source: string,
): Promise<{ readonly digest: string; readonly manifest: Record<string, unknown>; readonly config: unknown }> {
  const raw = await skopeo('inspect', '--raw', source);
  const config: unknown = JSON.parse(await skopeo('inspect', '--config', '--raw', source));
  const digest = `sha256:${createHash('sha256').update(raw).digest('hex')}`;
  return { digest, manifest: JSON.parse(raw) as Record<string, unknown>, config };
}

/** Copies an image in files to a folder, which checks the digest of every blob. */
export async function copyFiles(source: string, folder: string): Promise<void> {
  await skopeo('copy', '--quiet', source, `dir:${folder}`);
}
